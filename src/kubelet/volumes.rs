//! The files that processes see: in the volumes of their pod, and each in its own file system.
//!
//! Only names are kept, no contents. What is in an `emptyDir` is shared by all containers that mount it, stays
//! over restarts and goes with the pod. What lies outside of every mount is in the container's own file system
//! and goes with the run. The files of a volume that is taken as present are all there from the beginning.

use std::collections::BTreeSet;

use crate::event::ProcessRef;
use crate::model::pod::{Container, PodSpec, VolumeMount, VolumeSource};

/// The files in the volumes of one pod, and the processes that wait for one.
#[derive(Debug, Clone, Default)]
pub(super) struct PodFiles {
    files: BTreeSet<(usize, Box<str>)>,
    waiters: Vec<ProcessRef>,
}

/// The files in one container's own file system.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnFiles(BTreeSet<Box<str>>);

/// Where a path of a container leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// Into the container's own file system.
    Own(&'a str),
    /// Into a volume.
    Volume {
        /// The position of the volume in the pod's spec.
        volume: usize,
        /// The path inside the volume.
        path: &'a str,
        /// What is behind the volume.
        source: VolumeSource,
        /// Writing fails.
        is_read_only: bool,
    },
}

/// The error of writing where nothing can be written: EROFS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadOnly;

/// Where a path of a container of a pod leads: the mount with the longest path that contains it.
pub(super) fn resolve<'a>(spec: &PodSpec, container: &Container, path: &'a str) -> Place<'a> {
    let covering = container.mounts.iter().filter_map(|mount| Some((mount, inside(mount, path)?)));
    let Some((mount, inner)) = covering.min_by_key(|(_, inner)| inner.len()) else { return Place::Own(path) };
    match spec.volumes.iter().position(|volume| volume.name == mount.volume) {
        Some(volume) => Place::Volume {
            volume,
            path: inner,
            source: spec.volumes[volume].source,
            is_read_only: mount.read_only,
        },
        None => Place::Own(path),
    }
}

/// What follows the mount's path in `path`, without slashes around it.
fn inside<'a>(mount: &VolumeMount, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(mount.path.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
}

impl PodFiles {
    /// Writes a file. Returns the processes that may have waited for it, to be woken; they wait no longer.
    pub(super) fn write(
        &mut self,
        place: Place<'_>,
        own: &mut OwnFiles,
    ) -> Result<Vec<ProcessRef>, ReadOnly> {
        match place {
            Place::Own(path) => {
                own.0.insert(path.into());
                Ok(Vec::new())
            }
            Place::Volume { is_read_only: true, .. } => Err(ReadOnly),
            Place::Volume { volume, path, .. } => {
                self.files.insert((volume, path.into()));
                Ok(std::mem::take(&mut self.waiters))
            }
        }
    }

    /// Whether a file is there.
    pub(super) fn has(&self, place: Place<'_>, own: &OwnFiles) -> bool {
        match place {
            Place::Own(path) => own.0.contains(path),
            Place::Volume { source: VolumeSource::Present, .. } => true,
            Place::Volume { volume, path, source: VolumeSource::EmptyDir, .. } => {
                self.files.contains(&(volume, path.into()))
            }
        }
    }

    /// Has a process woken when a file is written.
    pub(super) fn wait(&mut self, process: ProcessRef) {
        self.waiters.push(process);
    }

    /// No longer has a process woken.
    pub(super) fn stop_waiting(&mut self, process: ProcessRef) {
        self.waiters.retain(|waiter| *waiter != process);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::testbed;
    use crate::model::pod::Volume;

    /// A pod whose container mounts a shared, a read-only and a present volume.
    fn spec() -> PodSpec {
        let mount = |volume: &str, path: &str, read_only| VolumeMount {
            volume: volume.into(),
            path: path.into(),
            read_only,
        };
        let volume = |name: &str, source| Volume { name: name.into(), source };
        let mut container = testbed::container("main", "app");
        container.mounts = vec![
            mount("shared", "/shared", false),
            mount("inner", "/shared/inner/", true),
            mount("config", "/etc/app", false),
        ];
        PodSpec {
            volumes: vec![
                volume("shared", VolumeSource::EmptyDir),
                volume("inner", VolumeSource::EmptyDir),
                volume("config", VolumeSource::Present),
            ],
            ..testbed::pod_spec(vec![container])
        }
    }

    #[track_caller]
    fn check(path: &str, expected: Option<(usize, &str)>) {
        let spec = spec();
        let found = match resolve(&spec, &spec.containers[0], path) {
            Place::Own(own) => {
                assert_eq!(own, path);
                None
            }
            Place::Volume { volume, path, .. } => Some((volume, path)),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_path_leads_into_the_mount_that_covers_it_most_closely() {
        check("/shared/out.csv", Some((0, "out.csv")));
        check("/shared/", Some((0, "")));
        check("/shared/inner/x", Some((1, "x")));
        check("/shared/innermost", Some((0, "innermost")));
        check("/sharedness", None);
        check("/tmp/out.csv", None);
    }

    #[test]
    fn files_are_shared_in_volumes_and_private_elsewhere() {
        let spec = spec();
        let place = |path| resolve(&spec, &spec.containers[0], path);
        let (mut files, mut one, other) = (PodFiles::default(), OwnFiles::default(), OwnFiles::default());
        assert_eq!(files.write(place("/shared/a"), &mut one), Ok(vec![]));
        assert_eq!(files.write(place("/tmp/a"), &mut one), Ok(vec![]));
        assert!(files.has(place("/shared/a"), &other));
        assert!(files.has(place("/tmp/a"), &one) && !files.has(place("/tmp/a"), &other));
        assert!(files.has(place("/etc/app/any"), &other));
        assert_eq!(files.write(place("/shared/inner/b"), &mut one), Err(ReadOnly));
    }
}
