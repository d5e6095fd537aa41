//! What the images are and do: the scenario's programs, looked up once and then by number.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::SimDuration;
use crate::model::meta::Name;
use crate::model::program::Program;

/// Names an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ImageId(u32);

/// Names a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProgramId(u32);

/// What becomes of an image that the scenario does not describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// It runs for the default span and exits with 0.
    Span,
    /// It runs for ever.
    Forever,
}

/// All images that were ever named, and all programs.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    /// The scenario's programs, and after them those of [`Lifetime::Span`] and [`Lifetime::Forever`].
    programs: Arc<[Program]>,
    by_name: FxHashMap<Name, ImageId>,
    /// The names with their tags.
    full_names: Vec<Name>,
    described: Vec<Option<ProgramId>>,
}

impl Catalogue {
    /// The catalogue of a scenario's programs by image name. Other images run for `default_span`.
    pub(super) fn new(programs: &BTreeMap<Name, Program>, default_span: SimDuration) -> Self {
        let defaults = [Some(default_span), None].map(Program::default_for);
        let mut catalogue = Self {
            programs: programs.values().cloned().chain(defaults).collect(),
            by_name: FxHashMap::default(),
            full_names: Vec::new(),
            described: Vec::new(),
        };
        for (at, name) in programs.keys().enumerate() {
            let image = catalogue.image(name);
            catalogue.described[image.0 as usize] = Some(ProgramId(at as u32));
        }
        catalogue
    }

    /// The number of an image. `app` and `app:latest` are the same.
    pub(super) fn image(&mut self, name: &Name) -> ImageId {
        if let Some(image) = self.by_name.get(name) {
            return *image;
        }
        let full_name = with_tag(name);
        let image = self.by_name.get(&full_name).copied().unwrap_or_else(|| {
            self.described.push(None);
            self.full_names.push(full_name.clone());
            ImageId(self.described.len() as u32 - 1)
        });
        self.by_name.insert(full_name, image);
        self.by_name.insert(name.clone(), image);
        image
    }

    /// The name of an image with its tag.
    pub(super) fn full_name(&self, image: ImageId) -> &Name {
        &self.full_names[image.0 as usize]
    }

    /// The program that the scenario describes for an image.
    pub(super) fn described(&self, image: ImageId) -> Option<&Program> {
        self.described[image.0 as usize].map(|program| self.program(program))
    }

    /// The number of the program that a container of an image runs.
    pub(super) fn program_of(&self, image: ImageId, otherwise: Lifetime) -> ProgramId {
        self.described[image.0 as usize].unwrap_or_else(|| {
            let n_described = self.programs.len() as u32 - 2;
            ProgramId(match otherwise {
                Lifetime::Span => n_described,
                Lifetime::Forever => n_described + 1,
            })
        })
    }

    /// A program.
    pub(super) fn program(&self, program: ProgramId) -> &Program {
        &self.programs[program.0 as usize]
    }
}

/// The name with its tag, `latest` where none is given.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/imagelocality, normalizedImageName.
fn with_tag(name: &Name) -> Name {
    let path_end = name.rfind('/').map_or(0, |slash| slash + 1);
    if name[path_end..].contains(':') { name.clone() } else { format!("{name}:latest").into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::program::PullFailure;

    #[test]
    fn an_image_without_a_tag_is_the_latest() {
        let program = Program {
            pull_failure: Some(PullFailure { error: "gone".into(), times: None }),
            ..Program::default_for(None)
        };
        let programs = BTreeMap::from([(Name::from("registry:5000/app"), program)]);
        let mut catalogue = Catalogue::new(&programs, SimDuration::from_secs(10));
        let app = catalogue.image(&"registry:5000/app".into());
        assert_eq!(catalogue.image(&"registry:5000/app:latest".into()), app);
        let tagged = catalogue.image(&"registry:5000/app:v1".into());
        assert_ne!(tagged, app);
        assert!(catalogue.described(app).is_some() && catalogue.described(tagged).is_none());
    }

    #[test]
    fn an_image_that_is_not_described_runs_for_a_span_or_for_ever() {
        let mut catalogue = Catalogue::new(&BTreeMap::new(), SimDuration::from_secs(10));
        let image = catalogue.image(&"any".into());
        let program = |lifetime| catalogue.program(catalogue.program_of(image, lifetime)).clone();
        assert_eq!(program(Lifetime::Span), Program::default_for(Some(SimDuration::from_secs(10))));
        assert_eq!(program(Lifetime::Forever), Program::default_for(None));
    }
}
