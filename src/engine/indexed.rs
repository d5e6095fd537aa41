//! Random numbers by their position in a stream.
//!
//! A request has the same draws in whatever order requests are looked at: its number is the position. Positions that
//! are near each other cost no more than draws in sequence, because blocks of them are kept.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// How many draws are made at a time: what the generator buffers.
const BLOCK_LEN: usize = 32;
/// How many bytes of the generator are a draw.
const DRAW_BYTES: usize = size_of::<u64>();
/// How many blocks are kept.
const N_BLOCKS: usize = 4;
/// The number of a block that was never made.
const NO_BLOCK: u64 = u64::MAX;

/// The draws of a stream, by position.
#[derive(Debug, Clone)]
pub struct IndexedDraws {
    rng: ChaCha8Rng,
    blocks: Box<[Block; N_BLOCKS]>,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    number: u64,
    draws: [u64; BLOCK_LEN],
}

impl IndexedDraws {
    /// The draws of a stream that is at its beginning.
    pub fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, blocks: Box::new([Block { number: NO_BLOCK, draws: [0; BLOCK_LEN] }; N_BLOCKS]) }
    }

    /// The draw at `position`, as the uniform number of at least 0 and below 1 that [`uniform`](super::random::uniform)
    /// makes of it.
    #[inline]
    pub fn uniform_at(&mut self, position: u64) -> f64 {
        (self.draw_at(position) >> 11) as f64 * (f64::EPSILON / 2.0)
    }

    fn draw_at(&mut self, position: u64) -> u64 {
        let number = position / BLOCK_LEN as u64;
        let block = &mut self.blocks[number as usize % N_BLOCKS];
        if block.number != number {
            block.number = number;
            // A draw is two words of the generator.
            self.rng.set_word_pos(u128::from(number) * BLOCK_LEN as u128 * 2);
            let mut bytes = [0; BLOCK_LEN * DRAW_BYTES];
            self.rng.fill_bytes(&mut bytes);
            for (draw, bytes) in block.draws.iter_mut().zip(bytes.as_chunks().0) {
                *draw = u64::from_le_bytes(*bytes);
            }
        }
        block.draws[position as usize % BLOCK_LEN]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::random::uniform;
    use crate::engine::{EntityKey, Purpose, Streams};

    #[test]
    fn a_position_holds_the_draw_that_a_walk_along_the_stream_meets_there() {
        let stream = || Streams::new(1).stream(Purpose::Arrival, EntityKey::of(&["indexed"]));
        let mut rng = stream();
        let walked: Vec<f64> = (0..1_000).map(|_| uniform(&mut rng)).collect();
        let mut draws = IndexedDraws::new(stream());
        for position in [0, 1, 999, 31, 32, 500, 160, 0, 999] {
            assert_eq!(draws.uniform_at(position), walked[position as usize], "at {position}");
        }
    }
}
