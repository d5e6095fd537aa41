//! The colours of charts, by what they mean.
//!
//! The series are those of Okabe and Ito, which people with any kind of colour blindness can tell apart; what is to be
//! told apart has another shape, place or label besides. Each colour has one value for light pages and one for dark.
//! Source: Okabe and Ito, Color Universal Design (2008).

use std::fmt::Write;

use plotters::style::RGBColor;

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    /// The ground on which all else stands.
    Ground,
    /// Text.
    Ink,
    /// Text of less weight: units, ticks.
    Muted,
    /// Axes and ends.
    Axis,
    /// Lines of the grid.
    Grid,
    /// Stripes, and the ground of what is empty.
    Stripe,
    /// A series.
    Blue,
    /// A series.
    Orange,
    /// A series; what goes well.
    Green,
    /// A series; what goes wrong.
    Vermillion,
    /// A series.
    Purple,
    /// A series.
    Sky,
    /// A series.
    Yellow,
    /// What is there and of no use.
    Grey,
    /// A step of the scale of heat maps, from 0 to 8.
    Heat(u8),
    /// Text on a step of that scale.
    OnHeat(u8),
}

/// The series, in the order in which they are given out.
pub const SERIES: [Hue; 7] =
    [Hue::Blue, Hue::Orange, Hue::Green, Hue::Vermillion, Hue::Purple, Hue::Sky, Hue::Grey];

/// How many steps the scale of heat maps has.
pub const HEAT_STEPS: u8 = 9;

/// All colours but those of heat maps: light and dark.
const COLOURS: [(Hue, u32, u32); 14] = [
    (Hue::Ground, 0xFF_FFFF, 0x16_1A1F),
    (Hue::Ink, 0x1B_1F24, 0xE8_EAED),
    (Hue::Muted, 0x59_626D, 0xA9_B1BB),
    (Hue::Axis, 0x8C_959F, 0x6B_7580),
    (Hue::Grid, 0xE4_E7EB, 0x2B_3139),
    (Hue::Stripe, 0xF3_F5F7, 0x1E_2329),
    (Hue::Blue, 0x00_72B2, 0x4F_A9E2),
    (Hue::Orange, 0xE6_9F00, 0xF2_B330),
    (Hue::Green, 0x00_9E73, 0x2F_C297),
    (Hue::Vermillion, 0xD5_5E00, 0xFF_8433),
    (Hue::Purple, 0xCC_79A7, 0xE0_9BC3),
    (Hue::Sky, 0x56_B4E9, 0x86_CDF5),
    (Hue::Yellow, 0xF0_E442, 0xEF_E560),
    (Hue::Grey, 0xB4_BBC4, 0x56_5F6A),
];

/// The scale of heat maps: more is darker on light pages, and brighter on dark ones.
const HEAT: [(u32, u32); HEAT_STEPS as usize] = [
    (0xEF_F4FA, 0x1B_2530),
    (0xDA_E7F3, 0x1C_3145),
    (0xC0_D8EC, 0x1D_3F5B),
    (0x9F_C6E2, 0x1E_4F73),
    (0x77_AFD5, 0x25_5F89),
    (0x35_79AF, 0x4C_8FBC),
    (0x22_6CA2, 0x6B_A6CD),
    (0x14_588C, 0x92_C0DE),
    (0x08_3F6B, 0xB9_D7EC),
];

/// Text on the scale of heat maps. The values differ by a hair from those of text, so that the style sheet knows them.
const ON_HEAT: [(u32, u32); 2] = [(0x1B_1F25, 0xE8_EAEE), (0xFF_FFFE, 0x10_1419)];

/// The step from which text on heat maps turns.
const ON_HEAT_TURN: u8 = 5;

impl Hue {
    /// The step of the heat scale for a share from 0 to 1.
    pub fn heat(share: f64) -> Self {
        let step = (share.clamp(0.0, 1.0) * f64::from(HEAT_STEPS - 1)).round();
        Self::Heat(step as u8)
    }

    /// The text on a heat colour; [`Hue::Ink`] on others.
    pub const fn text_on(self) -> Self {
        match self {
            Self::Heat(step) => Self::OnHeat(step),
            _ => Self::Ink,
        }
    }

    /// Its values for light and for dark pages.
    fn values(self) -> (u32, u32) {
        match self {
            Self::Heat(step) => HEAT[usize::from(step.min(HEAT_STEPS - 1))],
            Self::OnHeat(step) => ON_HEAT[usize::from(step >= ON_HEAT_TURN)],
            _ => {
                let entry = COLOURS.iter().find(|(hue, ..)| *hue == self);
                entry.map_or((0, 0xFF_FFFF), |(_, light, dark)| (*light, *dark))
            }
        }
    }

    /// Its value for light pages, as an attribute says it.
    pub fn hex(self) -> String {
        format!("#{:06X}", self.values().0)
    }

    /// Its value for light pages, as a plotter takes it.
    pub(super) fn rgb(self) -> RGBColor {
        let [_, red, green, blue] = self.values().0.to_be_bytes();
        RGBColor(red, green, blue)
    }
}

/// All values, light and dark.
fn all_values() -> impl Iterator<Item = (u32, u32)> {
    COLOURS.iter().map(|(_, light, dark)| (*light, *dark)).chain(HEAT).chain(ON_HEAT)
}

/// The style sheet that turns drawings below `root` dark where the reader prefers that.
pub fn style(root: &str) -> String {
    let mut rules = String::new();
    for (light, dark) in all_values() {
        for property in ["fill", "stroke"] {
            let _ = write!(rules, "{root} [{property}=\"#{light:06X}\"]{{{property}:#{dark:06X}}}");
        }
    }
    format!("@media screen and (prefers-color-scheme:dark){{{rules}}}")
}

/// The colours as CSS variables, for what stands around drawings.
pub fn variables() -> String {
    let names = [
        ("ground", Hue::Ground),
        ("ink", Hue::Ink),
        ("muted", Hue::Muted),
        ("axis", Hue::Axis),
        ("grid", Hue::Grid),
        ("stripe", Hue::Stripe),
        ("blue", Hue::Blue),
        ("green", Hue::Green),
        ("vermillion", Hue::Vermillion),
        ("orange", Hue::Orange),
    ];
    let list = |pick: fn((u32, u32)) -> u32| {
        names.iter().fold(String::new(), |mut list, (name, hue)| {
            let _ = write!(list, "--{name}:#{:06X};", pick(hue.values()));
            list
        })
    };
    let (light, dark) = (list(|values| values.0), list(|values| values.1));
    format!(":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of a colour. Source: WCAG 2.1.
    fn luminance(value: u32) -> f64 {
        let [_, red, green, blue] = value.to_be_bytes();
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { libm::pow((share + 0.055) / 1.055, 2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_its_ground_in_both_schemes() {
        let mut pairs = vec![(Hue::Ink, Hue::Ground), (Hue::Muted, Hue::Ground), (Hue::Muted, Hue::Stripe)];
        pairs.extend((0..HEAT_STEPS).map(|step| (Hue::OnHeat(step), Hue::Heat(step))));
        for (text, ground) in pairs {
            let (text_values, ground_values) = (text.values(), ground.values());
            let light = contrast(text_values.0, ground_values.0);
            let dark = contrast(text_values.1, ground_values.1);
            assert!(light >= 4.5 && dark >= 4.5, "{text:?} on {ground:?}: {light:.1}, {dark:.1}");
        }
    }

    #[test]
    fn every_light_value_has_one_dark_value() {
        let mut values: Vec<u32> = all_values().map(|(light, _)| light).collect();
        values.sort_unstable();
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_heat_scale_grows_evenly_towards_the_ink() {
        for (step, pair) in HEAT.windows(2).enumerate() {
            assert!(luminance(pair[0].0) > luminance(pair[1].0), "light, step {step}");
            assert!(luminance(pair[0].1) < luminance(pair[1].1), "dark, step {step}");
        }
    }
}
