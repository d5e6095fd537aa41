//! Scatter plots of a few named points with their intervals in both directions, and the front of those that no other beats.

use crate::report::chart::frame::{
    ABOVE, Area, BELOW, Frame, LegendEntry, RIGHT, Sample, legend, legend_height, room_for_labels,
};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Stroke};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};

/// A scatter plot. Less is better in both directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// What it shows, in a sentence.
    pub title: String,
    /// The level scale and its unit.
    pub x: (Scale, String),
    /// The upright scale and its unit.
    pub y: (Scale, String),
    /// The points.
    pub points: Vec<Spot>,
}

/// A named point.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Its name.
    pub name: String,
    /// Its colour.
    pub hue: Hue,
    /// Where it is.
    pub at: (f64, f64),
    /// Its interval along the level axis.
    pub across: Option<(f64, f64)>,
    /// Its interval along the upright axis.
    pub up: Option<(f64, f64)>,
    /// What it is the mean of.
    pub trials: Vec<(f64, f64)>,
}

/// Those of some points that no other beats in both directions, by the level axis.
pub fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let is_beaten = |at: usize| {
        points.iter().any(|other| {
            let own = points[at];
            other.0 <= own.0 && other.1 <= own.1 && *other != own
        })
    };
    let mut front: Vec<usize> = (0..points.len()).filter(|at| !is_beaten(*at)).collect();
    front.sort_by(|a, b| points[*a].0.total_cmp(&points[*b].0));
    front
}

/// Draws a scatter plot.
pub fn draw(scatter: &Scatter, screen: Screen) -> Svg {
    let mut entries: Vec<LegendEntry> = scatter
        .points
        .iter()
        .map(|spot| LegendEntry { name: spot.name.clone(), sample: Sample::Dot, hue: spot.hue })
        .collect();
    entries.push(LegendEntry { name: "Pareto front".to_owned(), sample: Sample::Dashes, hue: Hue::Axis });
    let top = legend_height(&entries, screen.width()) + ABOVE;
    let bottom = top + screen.pick(280.0, 220.0);
    pen::draw(&scatter.title, screen, bottom + BELOW, |pen| {
        legend(pen, 0.0, &entries);
        let left = room_for_labels(&scatter.y.0);
        let area = Area { left, top, right: pen.width - RIGHT, bottom };
        let frame = Frame { pen, area, x: &scatter.x.0, y: &scatter.y.0 };
        frame.upright(&scatter.y.1);
        frame.upright_grid();
        pareto(&frame, scatter);
        scatter.points.iter().for_each(|spot| draw_spot(&frame, spot));
        frame.level(&scatter.x.1);
    })
}

/// The front, as the edge of what can be had: from each point on, nothing is better before the next.
fn pareto(frame: &Frame<'_, '_>, scatter: &Scatter) {
    let places: Vec<(f64, f64)> = scatter.points.iter().map(|spot| spot.at).collect();
    let front = front(&places);
    let stroke = Stroke::new(Hue::Axis, 1.5);
    let Some(first) = front.first() else { return };
    let mut last = frame.point(places[*first].0, places[*first].1);
    frame.pen.dashed((last.0, frame.area.top), last, stroke);
    for at in &front[1..] {
        let next = frame.point(places[*at].0, places[*at].1);
        for (from, to) in [(last, (next.0, last.1)), ((next.0, last.1), next)] {
            if from != to {
                frame.pen.dashed(from, to, stroke);
            }
        }
        last = next;
    }
    frame.pen.dashed(last, (frame.area.right, last.1), stroke);
}

fn draw_spot(frame: &Frame<'_, '_>, spot: &Spot) {
    let pen = frame.pen;
    for trial in &spot.trials {
        let fill = pen::Fill { hue: spot.hue, opacity: 0.4 };
        pen.dot(frame.point(trial.0, trial.1), 2.0, fill);
    }
    let stroke = Stroke::new(spot.hue, 2.0);
    if let Some((low, high)) = spot.across {
        pen.line(&[frame.point(low, spot.at.1), frame.point(high, spot.at.1)], stroke);
    }
    if let Some((low, high)) = spot.up {
        pen.line(&[frame.point(spot.at.0, low), frame.point(spot.at.0, high)], stroke);
    }
    pen.dot(frame.point(spot.at.0, spot.at.1), 5.5, spot.hue);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_has_what_no_other_point_beats() {
        let check =
            |points: &[(f64, f64)], expected: &[usize]| assert_eq!(front(points), expected, "{points:?}");
        check(&[], &[]);
        check(&[(1.0, 1.0)], &[0]);
        check(&[(2.0, 1.0), (1.0, 2.0), (3.0, 3.0)], &[1, 0]);
        check(&[(1.0, 1.0), (1.0, 2.0)], &[0]);
        check(&[(1.0, 1.0), (1.0, 1.0)], &[0, 1]);
    }
}
