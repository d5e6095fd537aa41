//! The order of the house: layers, module docs, words that must not stand anywhere, sizes of files.

use std::fs;
use std::path::{Path, PathBuf};

/// The largest file that need not say that it is a table [lines].
const LINES_MAX: usize = 700;
/// Modules of one layer that must not know each other: components meet in the cluster.
const COMPONENTS: [&str; 16] = [
    "scheduler",
    "kubelet",
    "controllers::cronjob",
    "controllers::daemon_set",
    "controllers::deployment",
    "controllers::disruption",
    "controllers::garbage_collector",
    "controllers::horizontal_pod_autoscaler",
    "controllers::job",
    "controllers::node_lifecycle",
    "controllers::pod_gc",
    "controllers::replica_set",
    "controllers::stateful_set",
    "controllers::taint_eviction",
    "controllers::ttl",
    "traffic",
];
/// Words that stand for work not done, or for an order that depends on hashing. Written in two parts, so that this
/// file may be looked at too.
const BANNED: [(&str, &str); 8] = [
    ("TO", "DO"),
    ("FIX", "ME"),
    ("XX", "X:"),
    ("unimpl", "emented!"),
    ("to", "do!("),
    ("#[ign", "ore"),
    ("#[should_", "panic"),
    ("std::collections::Hash", "Map"),
];

/// A file of the package.
struct File {
    /// From the package's folder, with `/`.
    path: String,
    text: String,
}

impl File {
    /// The path of the module, as `kubelet::worker`.
    fn module(&self) -> String {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.replace('/', "::")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of a folder with this ending, by path.
fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|own| own == ending) {
                found.push(file(path));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no .{ending} file in {folder}");
    found
}

fn file(path: PathBuf) -> File {
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    File { path, text }
}

/// The top modules, from the lowest layer to the highest.
fn layers() -> Vec<String> {
    let lib = file(root().join("src/lib.rs"));
    let modules = lib.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).collect()
}

/// The text before a module's unit tests, which may use what they want.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// The paths below `crate::` that a text mentions, with their lines.
fn mentions(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(
        |(at, line)| {
            line.match_indices("crate::").map(move |(start, word)| {
                let path = &line[start + word.len()..];
                let end =
                    path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(path.len());
                (at + 1, &path[..end])
            })
        },
    )
}

fn is_test(file: &File) -> bool {
    file.path.contains("/tests/") || file.path.ends_with("/tests.rs") || file.path.ends_with("/testbed.rs")
}

#[track_caller]
fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_module_uses_only_modules_of_its_own_layer_and_below() {
    let layers = layers();
    let height = |module: &str| layers.iter().position(|layer| *layer == module);
    let mut faults = Vec::new();
    for file in files("src", "rs").iter().filter(|file| !is_test(file)) {
        let module = file.module();
        let Some(own) = height(module.split("::").next().unwrap_or_default()) else { continue };
        for (line, path) in mentions(without_tests(&file.text)) {
            let used = path.split("::").next().unwrap_or_default();
            match height(used) {
                Some(height) if height > own => {
                    faults.push(format!("{}:{line}: `{used}` stands above", file.path));
                }
                Some(_) => {}
                None => faults.push(format!("{}:{line}: `{used}` is no module of lib.rs", file.path)),
            }
        }
    }
    none(&faults);
}

#[test]
fn a_component_knows_no_other_component() {
    let of = |module: &str| {
        COMPONENTS.iter().find(|name| module == **name || module.starts_with(&format!("{name}::")))
    };
    let mut faults = Vec::new();
    for file in files("src", "rs").iter().filter(|file| !is_test(file)) {
        let Some(own) = of(&file.module()) else { continue };
        for (line, path) in mentions(without_tests(&file.text)) {
            if let Some(other) = of(path).filter(|other| *other != own) {
                faults.push(format!("{}:{line}: {own} uses {other}", file.path));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_module_says_at_its_top_what_it_is() {
    let all = ["src", "tests", "benches"].into_iter().flat_map(|folder| files(folder, "rs"));
    let silent = all.filter(|file| !file.text.starts_with("//! "));
    none(&silent.map(|file| format!("{}: does not open with `//!`", file.path)).collect::<Vec<_>>());
}

#[test]
fn every_module_stands_in_the_architecture() {
    let path = root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).expect("ARCHITECTURE.md must say what each module is for");
    let mut faults = Vec::new();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        if !["main", "lib"].contains(&module) && !text.contains(&format!("`{module}`")) {
            faults.push(format!("ARCHITECTURE.md: does not mention `{module}`"));
        }
    }
    faults.sort();
    faults.dedup();
    none(&faults);
}

#[test]
fn no_banned_word_stands_anywhere() {
    let words: Vec<_> = BANNED.iter().map(|(head, tail)| format!("{head}{tail}")).collect();
    let code = ["src", "tests/it", "benches"].into_iter().flat_map(|folder| files(folder, "rs"));
    let docs = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let docs = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")).map(file);
    let mut faults = Vec::new();
    for file in code.chain(docs) {
        for (at, line) in file.text.lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(&**word));
            faults.extend(found.map(|word| format!("{}:{}: {word}", file.path, at + 1)));
        }
    }
    none(&faults);
}

#[test]
fn no_map_has_an_order_of_its_own_making() {
    let words = [concat!("Hash", "Map"), concat!("Hash", "Set"), concat!("System", "Time")];
    let mut faults = Vec::new();
    for file in files("src", "rs") {
        for (at, line) in file.text.lines().enumerate() {
            let is_bare = |word: &str| line.replace(&format!("Fx{word}"), "").contains(word);
            let bare = words.iter().filter(|word| is_bare(word));
            faults.extend(bare.map(|word| format!("{}:{}: {word}", file.path, at + 1)));
        }
    }
    none(&faults);
}

#[test]
fn a_file_is_no_longer_than_one_can_take_in() {
    let all = ["src", "tests/it", "benches"].into_iter().flat_map(|folder| files(folder, "rs"));
    let long = all.filter(|file| file.text.lines().count() > LINES_MAX);
    none(&long.map(|file| format!("{}: {} lines", file.path, file.text.lines().count())).collect::<Vec<_>>());
}
