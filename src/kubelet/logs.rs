//! What the processes of a pod wrote, for each container the present run and the one before.
//!
//! Logs live as long as the pod object, also after the pod has ended. Of each run the last
//! [`MAX_LINES`] lines are kept.

use std::collections::VecDeque;

use crate::engine::SimTime;
use crate::model::meta::Name;
use crate::model::pod_status::ContainerRef;

/// How many lines of a run are kept.
pub const MAX_LINES: usize = 1000;

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub time: SimTime,
    /// The text, without the end of the line.
    pub text: Name,
}

/// What one run of a container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunLog {
    /// The number of the run, from 0.
    pub run: u32,
    /// The last lines, oldest first.
    pub lines: VecDeque<LogLine>,
    /// How many older lines were dropped.
    pub n_dropped: u64,
}

/// What the last two runs of a container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerLog {
    /// The run that goes on, or the last one.
    pub current: RunLog,
    /// The run before, where it wrote anything.
    pub previous: Option<RunLog>,
}

/// The logs of all containers of a pod that wrote anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodLogs {
    containers: Vec<(ContainerRef, ContainerLog)>,
}

impl RunLog {
    /// Adds a line; the oldest goes where there are too many.
    fn push(&mut self, line: LogLine) {
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
            self.n_dropped += 1;
        }
        self.lines.push_back(line);
    }

    /// A note on the lines that are missing, where any are.
    pub fn note(&self) -> Option<String> {
        (self.n_dropped > 0).then(|| format!("({} earlier lines are not kept)", self.n_dropped))
    }
}

impl PodLogs {
    /// The log of a container; `None` where it never wrote.
    pub fn container(&self, container: ContainerRef) -> Option<&ContainerLog> {
        self.containers.iter().find(|(other, _)| *other == container).map(|(_, log)| log)
    }

    /// The logs of all containers that wrote anything, in the order of their first lines.
    pub fn iter(&self) -> impl Iterator<Item = (ContainerRef, &ContainerLog)> {
        self.containers.iter().map(|(container, log)| (*container, log))
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
    }

    /// Notes that a container begins another run.
    pub(super) fn begin_run(&mut self, container: ContainerRef, run: u32) {
        let Some((_, log)) = self.containers.iter_mut().find(|(other, _)| *other == container) else {
            return;
        };
        let ended = std::mem::replace(&mut log.current, RunLog { run, ..RunLog::default() });
        log.previous = Some(ended).filter(|ended| ended.run + 1 == run && !ended.lines.is_empty());
    }

    /// Adds a line to the present run of a container.
    pub(super) fn write(&mut self, container: ContainerRef, run: u32, time: SimTime, text: Name) {
        let at = self.containers.iter().position(|(other, _)| *other == container).unwrap_or_else(|| {
            let log = ContainerLog { current: RunLog { run, ..RunLog::default() }, previous: None };
            self.containers.push((container, log));
            self.containers.len() - 1
        });
        self.containers[at].1.current.push(LogLine { time, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: ContainerRef = ContainerRef::App(0);

    fn texts(run: &RunLog) -> Vec<&str> {
        run.lines.iter().map(|line| &*line.text).collect()
    }

    #[test]
    fn the_run_before_the_present_one_is_kept_and_no_older_one() {
        let mut logs = PodLogs::default();
        for (run, text) in ["first", "second", "third"].into_iter().enumerate() {
            logs.begin_run(MAIN, run as u32);
            logs.write(MAIN, run as u32, SimTime::ZERO, text.into());
        }
        let log = logs.container(MAIN).unwrap();
        assert_eq!(texts(&log.current), ["third"]);
        assert_eq!(texts(log.previous.as_ref().unwrap()), ["second"]);
        assert_eq!(logs.container(ContainerRef::App(1)), None);
    }

    #[test]
    fn a_silent_run_leaves_no_previous_log() {
        let mut logs = PodLogs::default();
        logs.write(MAIN, 0, SimTime::ZERO, "once".into());
        logs.begin_run(MAIN, 1);
        logs.begin_run(MAIN, 2);
        assert_eq!(logs.container(MAIN).unwrap().previous, None);
    }

    #[test]
    fn of_a_long_log_the_last_lines_stay_with_a_note_on_the_rest() {
        let mut logs = PodLogs::default();
        for line in 0..MAX_LINES + 5 {
            logs.write(MAIN, 0, SimTime::ZERO, line.to_string().into());
        }
        let run = &logs.container(MAIN).unwrap().current;
        assert_eq!((run.lines.len(), &*run.lines[0].text), (MAX_LINES, "5"));
        assert_eq!(run.note().unwrap(), "(5 earlier lines are not kept)");
    }
}
