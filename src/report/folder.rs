//! A report as files: what there is to write, by path. Whoever has a disk writes them.

/// A report: its files, in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The files.
    pub files: Vec<ReportFile>,
}

/// One file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// The path below the report's folder, with `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Report {
    /// Adds a file of text.
    ///
    /// # Panics
    /// Where there is one of this path already: a bug, since one of the two would be lost.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) {
        let path = path.into();
        assert!(self.file(&path).is_none(), "two files of a report are called {path}");
        self.files.push(ReportFile { path, bytes: text.into() });
    }

    /// The file of this path.
    pub fn file(&self, path: &str) -> Option<&ReportFile> {
        self.files.iter().find(|file| file.path == path)
    }
}
