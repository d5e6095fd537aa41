//! The Gantt of pods: nodes, their pods below them, and time; bars by state.
//!
//! It is written by hand, since a script zooms it: bars stand in a group that is stretched, marks and labels beside it keep
//! their size. Pods of one workload on one node share a lane where they do not overlap. States differ by form besides
//! colour: waiting bars are hollow or low, what is over is a line.

use std::fmt::Write;

use crate::observe::timeline::lives::PodState;
use crate::report::chart::frame::{LEGEND_ROW, LegendEntry, Sample, legend_height, legend_places};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{TEXT, fitted};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg, escaped};

/// What a Gantt shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Gantt {
    /// What it shows, in a sentence.
    pub title: String,
    /// The end of time [s].
    pub until: f64,
    /// The nodes, and what has none.
    pub groups: Vec<Group>,
}

/// A node with its lanes.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// When it was down: from and until [s].
    pub outages: Vec<(f64, f64)>,
    /// The lanes.
    pub lanes: Vec<Lane>,
}

/// A lane: a pod, or several that follow each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lane {
    /// Its name.
    pub label: String,
    /// Its bars.
    pub bars: Vec<Bar>,
    /// Failures of containers: when [s], and what happened.
    pub failures: Vec<(f64, String)>,
}

/// A state of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its beginning [s].
    pub from: f64,
    /// Its end [s].
    pub until: f64,
    /// The state.
    pub state: PodState,
    /// What it is, for those who point at it.
    pub about: String,
}

/// The measures of a drawing [px].
struct Measures {
    left: f64,
    right: f64,
    header: f64,
    lane: f64,
    /// Where in a lane the middle of its bars is.
    middle: f64,
}

impl Measures {
    fn on(screen: Screen) -> Self {
        let right = screen.width() - 14.0;
        match screen {
            Screen::Wide => Self { left: 190.0, right, header: 24.0, lane: 18.0, middle: 9.0 },
            Screen::Narrow => Self { left: 14.0, right, header: 24.0, lane: 30.0, middle: 22.0 },
        }
    }
}

/// The height of a full bar [px].
const BAR: f64 = 11.0;

impl Bar {
    /// Its colour, height [px], and whether it is hollow.
    fn look(&self) -> (Hue, f64, bool) {
        match self.state {
            PodState::Pending => (Hue::Muted, BAR - 4.0, true),
            PodState::Starting => (Hue::Sky, BAR, false),
            PodState::Running => (Hue::Blue, BAR, false),
            PodState::NotReady => (Hue::Yellow, BAR, false),
            PodState::BackOff => (Hue::Orange, 5.0, false),
            PodState::Terminating => (Hue::Purple, BAR, false),
            PodState::Lost => (Hue::Grey, BAR, false),
            PodState::Succeeded => (Hue::Green, 2.5, false),
            PodState::Failed => (Hue::Vermillion, 2.5, false),
        }
    }
}

/// The drawing, under construction.
struct Sheet<'a> {
    out: String,
    gantt: &'a Gantt,
    x: Scale,
    measures: Measures,
    screen: Screen,
}

/// Draws a Gantt.
pub fn draw(gantt: &Gantt, screen: Screen) -> Svg {
    let measures = Measures::on(screen);
    let legend = legend(gantt);
    let top = legend_height(&legend, screen.width()) + 8.0;
    let lanes: usize = gantt.groups.iter().map(|group| group.lanes.len()).sum();
    let body = gantt.groups.len() as f64 * measures.header + lanes as f64 * measures.lane;
    let bottom = top + body;
    let x = Scale::time(0.0, gantt.until, screen.pick(9, 5));
    let mut sheet = Sheet { out: String::new(), gantt, x, measures, screen };
    let height = (bottom + 42.0).ceil();
    sheet.rect((0.0, 0.0), (screen.width(), height), Hue::Ground);
    sheet.legend(&legend);
    sheet.grounds(top);
    sheet.ticks(top, bottom);
    sheet.plot(top, bottom);
    sheet.labels(top);
    Svg {
        title: gantt.title.clone(),
        width: screen.width(),
        height,
        view: (screen.width(), height),
        elements: sheet.out,
    }
}

/// The states that there are, and the marks.
fn legend(gantt: &Gantt) -> Vec<LegendEntry> {
    let lanes = || gantt.groups.iter().flat_map(|group| &group.lanes);
    let bars = || lanes().flat_map(|lane| &lane.bars);
    let states = PodState::ALL.into_iter().filter(|state| bars().any(|bar| bar.state == *state));
    let entry = |state: PodState| {
        let bar = Bar { from: 0.0, until: 1.0, state, about: String::new() };
        LegendEntry { name: state.as_str().to_owned(), sample: Sample::Box, hue: bar.look().0 }
    };
    let mut entries: Vec<LegendEntry> = states.map(entry).collect();
    if lanes().any(|lane| !lane.failures.is_empty()) {
        let name = "container failed".to_owned();
        entries.push(LegendEntry { name, sample: Sample::Dot, hue: Hue::Vermillion });
    }
    if gantt.groups.iter().any(|group| !group.outages.is_empty()) {
        let name = "node failed".to_owned();
        entries.push(LegendEntry { name, sample: Sample::Dashes, hue: Hue::Vermillion });
    }
    entries
}

impl Sheet<'_> {
    fn across(&self, at: f64) -> f64 {
        self.measures.left + self.x.place(at) * (self.measures.right - self.measures.left)
    }

    fn rect(&mut self, from: (f64, f64), size: (f64, f64), hue: Hue) {
        let (x, y, width, height) = (from.0, from.1, size.0, size.1);
        let hue = hue.hex();
        let _ = writeln!(
            self.out,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{hue}\"/>"
        );
    }

    fn text(&mut self, text: &str, (x, y): (f64, f64), hue: Hue, rest: &str) {
        let (hue, text) = (hue.hex(), escaped(text));
        let _ = writeln!(
            self.out,
            "<text x=\"{x:.2}\" y=\"{y:.2}\" font-family=\"sans-serif\" font-size=\"{TEXT}\" fill=\"{hue}\" {rest}>{text}</text>"
        );
    }

    fn legend(&mut self, entries: &[LegendEntry]) {
        for (entry, (x, row)) in entries.iter().zip(legend_places(entries, 2.0, self.screen.width())) {
            let y = (row as f64 + 0.5) * LEGEND_ROW;
            self.sample(entry, x, y);
            self.text(&entry.name, (x + 24.0, y + 4.0), Hue::Ink, "");
        }
    }

    fn sample(&mut self, entry: &LegendEntry, x: f64, y: f64) {
        if entry.sample == Sample::Dot {
            self.cross(x + 9.0, y, "");
        } else if entry.sample == Sample::Dashes {
            self.rect((x + 8.0, y - 7.0), (2.0, 14.0), entry.hue);
        } else {
            let state = PodState::ALL.into_iter().find(|state| state.as_str() == entry.name);
            let state = state.unwrap_or(PodState::Running);
            let bar = Bar { from: 0.0, until: 0.0, state, about: String::new() };
            self.bar(&bar, (x + 1.0, x + 18.0), y);
        }
    }

    /// Stripes below the names of nodes, over the whole width.
    fn grounds(&mut self, top: f64) {
        let mut y = top;
        for group in &self.gantt.groups {
            self.rect((0.0, y + 2.0), (self.screen.width(), self.measures.header - 4.0), Hue::Stripe);
            y += self.measures.header + group.lanes.len() as f64 * self.measures.lane;
        }
    }

    /// The axis; a script that zooms writes its own ticks into the same group.
    fn ticks(&mut self, top: f64, bottom: f64) {
        let (left, right) = (self.measures.left, self.measures.right);
        let _ = writeln!(self.out, "<g class=\"ticks\" data-top=\"{top:.2}\" data-bottom=\"{bottom:.2}\">");
        for tick in self.x.ticks.clone() {
            let x = self.across(tick.at);
            let hue = Hue::Grid.hex();
            let _ = writeln!(self.out, "<path d=\"M{x:.2} {top:.2}V{bottom:.2}\" stroke=\"{hue}\"/>");
            let anchor = if x > right - 16.0 { "end" } else { "middle" };
            let x = if anchor == "end" { self.screen.width() - 2.0 } else { x };
            self.text(&tick.label, (x, bottom + 16.0), Hue::Muted, &format!("text-anchor=\"{anchor}\""));
        }
        self.out.push_str("</g>\n");
        let hue = Hue::Axis.hex();
        let _ = writeln!(self.out, "<path d=\"M{left} {bottom:.2}H{right}\" stroke=\"{hue}\"/>");
        self.text("virtual time", (right, bottom + 34.0), Hue::Muted, "text-anchor=\"end\"");
    }

    /// The bars, cut at the edges of the plot, and the marks on them.
    fn plot(&mut self, top: f64, bottom: f64) {
        let (left, right) = (self.measures.left, self.measures.right);
        let (x, width, height) = (left - 6.0, right - left + 12.0, bottom - top);
        let _ = writeln!(
            self.out,
            "<svg class=\"plot\" x=\"{x}\" y=\"{top:.2}\" width=\"{width}\" height=\"{height:.2}\" viewBox=\"{x} {top:.2} \
             {width} {height:.2}\" data-left=\"{left}\" data-right=\"{right}\" data-until=\"{}\">\n<g class=\"bars\">",
            self.x.until()
        );
        let mut y = top;
        for group in &self.gantt.groups {
            let below = y + self.measures.header + group.lanes.len() as f64 * self.measures.lane;
            for (from, until) in &group.outages {
                let (from, until) = (self.across(*from), self.across(*until));
                self.rect((from, y + 2.0), (until - from, below - y - 4.0), Hue::Stripe);
            }
            y += self.measures.header;
            for lane in &group.lanes {
                let middle = y + self.measures.middle;
                for bar in &lane.bars {
                    let (from, until) = (self.across(bar.from), self.across(bar.until));
                    self.bar(bar, (from, until.max(from + 1.0)), middle);
                }
                y += self.measures.lane;
            }
        }
        self.out.push_str("</g>\n<g class=\"marks\">\n");
        self.marks(top);
        self.out.push_str("</g>\n</svg>\n");
    }

    fn marks(&mut self, top: f64) {
        let mut y = top;
        for group in &self.gantt.groups {
            let below = y + self.measures.header + group.lanes.len() as f64 * self.measures.lane;
            for (from, _) in &group.outages {
                let (x, hue) = (self.across(*from), Hue::Vermillion.hex());
                let path = self.failure_line(y, below, group.lanes.len());
                let name = escaped(&group.name);
                let _ = writeln!(
                    self.out,
                    "<g data-x=\"{x:.2}\" transform=\"translate({x:.2} 0)\"><path d=\"{path}\" stroke=\"{hue}\" \
                     stroke-width=\"2\"/><title>{name} failed</title></g>"
                );
            }
            y += self.measures.header;
            for lane in &group.lanes {
                for (at, about) in &lane.failures {
                    self.cross(self.across(*at), y + self.measures.middle, about);
                }
                y += self.measures.lane;
            }
        }
    }

    /// The line at the failure of a node: over all its lanes, but not through names that stand in the plot.
    fn failure_line(&self, top: f64, bottom: f64, n_lanes: usize) -> String {
        if self.screen == Screen::Wide {
            return format!("M0 {:.2}V{:.2}", top + 2.0, bottom - 2.0);
        }
        let middle = |lane: usize| {
            top + self.measures.header + lane as f64 * self.measures.lane + self.measures.middle
        };
        let lanes = (0..n_lanes).map(|lane| format!("M0 {:.2}v14", middle(lane) - 7.0));
        if n_lanes == 0 { format!("M0 {:.2}V{:.2}", top + 2.0, bottom - 2.0) } else { lanes.collect() }
    }

    fn bar(&mut self, bar: &Bar, (from, until): (f64, f64), middle: f64) {
        let (hue, height, is_hollow) = bar.look();
        let (hue, about) = (hue.hex(), escaped(&bar.about));
        let outlined = |fill: String, stroke: String| {
            format!("fill=\"{fill}\" stroke=\"{stroke}\" vector-effect=\"non-scaling-stroke\"")
        };
        let paint = match bar.state {
            _ if is_hollow => outlined(Hue::Ground.hex(), hue),
            // Yellow alone is hardly seen on white.
            PodState::NotReady => outlined(hue, Hue::Axis.hex()),
            _ => format!("fill=\"{hue}\""),
        };
        let title = if about.is_empty() { String::new() } else { format!("<title>{about}</title>") };
        let _ = writeln!(
            self.out,
            "<rect x=\"{from:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height}\" {paint}>{title}</rect>",
            middle - height / 2.0,
            until - from
        );
    }

    /// A cross at a place; on a ground of its own, so that it can be seen on every bar.
    fn cross(&mut self, x: f64, y: f64, about: &str) {
        let (ground, hue, about) = (Hue::Ground.hex(), Hue::Vermillion.hex(), escaped(about));
        let _ = writeln!(
            self.out,
            "<g data-x=\"{x:.2}\" transform=\"translate({x:.2} 0)\"><path d=\"M-4 {0:.2}L4 {1:.2}M-4 {1:.2}L4 {0:.2}\" \
             stroke=\"{ground}\" stroke-width=\"4.5\"/><path d=\"M-4 {0:.2}L4 {1:.2}M-4 {1:.2}L4 {0:.2}\" stroke=\"{hue}\" \
             stroke-width=\"2\"/><title>{about}</title></g>",
            y - 4.0,
            y + 4.0
        );
    }

    fn labels(&mut self, top: f64) {
        let Measures { left, right, header, lane, .. } = self.measures;
        let mut y = top;
        for group in &self.gantt.groups {
            let name = fitted(&group.name, TEXT, self.screen.pick(left - 16.0, right - left));
            self.text(&name, (4.0, y + header / 2.0 + 4.0), Hue::Ink, "font-weight=\"bold\"");
            y += header;
            for row in &group.lanes {
                let room = self.screen.pick(left - 24.0, right - left - 12.0);
                let place = self.screen.pick((12.0, y + 13.0), (left, y + 12.0));
                self.text(&fitted(&row.label, TEXT, room), place, Hue::Muted, "");
                y += lane;
            }
        }
    }
}
