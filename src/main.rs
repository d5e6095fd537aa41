//! The binary `sim`: hands over to the command line of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cluster_sim::cli::main()
}
