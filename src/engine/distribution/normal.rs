//! The standard normal distribution: quantiles, and the mean of what lies above zero.
//!
//! A normal number is made from one uniform number by the quantile function, so that every sample costs one draw.
//! Source: M. J. Wichura, Algorithm AS 241, Applied Statistics 37 (1988), PPND16: relative error about 1e-16.

use std::f64::consts::{PI, SQRT_2};

/// The quotient of two polynomials, coefficients from the constant upwards.
struct Quotient {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

/// For |p - 1/2| up to 0.425, in 0.425² - (p - 1/2)².
const CENTRE: Quotient = Quotient {
    numerator: [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    denominator: [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
};

/// For √(-ln p) up to 5, in √(-ln p) - 1.6.
const TAIL: Quotient = Quotient {
    numerator: [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    denominator: [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
};

/// For √(-ln p) above 5, in √(-ln p) - 5.
const FAR_TAIL: Quotient = Quotient {
    numerator: [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    denominator: [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
};

/// The number below which a standard normal number lies with probability `p`, above 0 and below 1.
pub(super) fn quantile(p: f64) -> f64 {
    let offset = p - 0.5;
    if offset.abs() <= 0.425 {
        return offset * CENTRE.at(0.180625 - offset * offset);
    }
    let tail = if offset < 0.0 { p } else { 1.0 - p };
    let depth = (-libm::log(tail)).sqrt();
    let distance = if depth <= 5.0 { TAIL.at(depth - 1.6) } else { FAR_TAIL.at(depth - 5.0) };
    distance.copysign(offset)
}

/// The mean of a normal number whose negative values are replaced by 0.
pub(super) fn mean_cut_at_zero(mean: f64, sd: f64) -> f64 {
    if sd == 0.0 {
        return mean;
    }
    let position = mean / sd;
    let probability = 0.5 * libm::erfc(-position / SQRT_2);
    let density = libm::exp(-0.5 * position * position) / (2.0 * PI).sqrt();
    mean * probability + sd * density
}

impl Quotient {
    fn at(&self, x: f64) -> f64 {
        let polynomial = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
        polynomial(&self.numerator) / polynomial(&self.denominator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: f64, exact: f64) {
        assert!((found - exact).abs() <= 1e-15 * exact.abs(), "{found} in place of {exact}");
    }

    #[test]
    fn quantiles_are_right_to_15_digits() {
        let exact = [
            (5.551115123125783e-17, -8.292361075813595),
            (1e-10, -6.361340902404057),
            (0.001, -3.0902323061678136),
            (0.075, -1.439531470938456),
            (0.0751, -1.43882539275254),
            (0.25, -0.6744897501960817),
            (0.5, 0.0),
            (0.6, 0.2533471031357997),
            (0.9249, 1.4388253927525403),
            (0.975, 1.9599639845400538),
            (0.99, 2.3263478740408408),
            (0.9999999999999999, 8.209536151601387),
        ];
        for (p, z) in exact {
            check(quantile(p), z);
        }
    }

    #[test]
    fn means_above_zero_are_right_to_15_digits() {
        let exact = [
            (0.0, 1.0, 0.3989422804014327),
            (1.0, 1.0, 1.0833154705876864),
            (1.0, 0.25, 1.000001786314608),
            (10.0, 0.001, 10.0),
            (1.0, 1000.0, 399.44247987255625),
            (5.0, 0.0, 5.0),
        ];
        for (mean, sd, cut) in exact {
            check(mean_cut_at_zero(mean, sd), cut);
        }
    }
}
