//! Every byte of a run's streams, so that two runs can be compared byte by byte.

use core::fmt;

use regionfall::network::End;
use regionfall::simulation::StreamId;
use regionfall_kernel::SimTime;

/// Most bytes that are kept.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What clients wrote and read, in order; kept on request only.
#[derive(Clone, Default, Debug)]
pub(crate) struct Transcript {
    is_kept: bool,
    kept: usize,
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Piece {
    at: SimTime,
    stream: StreamId,
    writer: End,
    bytes: Vec<u8>,
}

/// The first byte in which two runs differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference(String);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Transcript {
    pub(crate) fn kept() -> Self {
        Self {
            is_kept: true,
            ..Self::default()
        }
    }

    pub(crate) fn note(&mut self, at: SimTime, stream: StreamId, writer: End, bytes: &[u8]) {
        if self.is_kept && !bytes.is_empty() && self.kept < BYTES_MAX {
            self.kept += bytes.len();
            self.pieces.push(Piece {
                at,
                stream,
                writer,
                bytes: bytes.to_vec(),
            });
        }
    }

    /// Where another run's bytes part from these.
    pub(crate) fn difference(&self, other: &Self) -> Option<Difference> {
        let mut place = 0;
        let longest = self.pieces.len().max(other.pieces.len());
        for number in 0..longest {
            let (one, two) = (self.pieces.get(number), other.pieces.get(number));
            if one == two {
                place += one.map_or(0, |piece| piece.bytes.len());
                continue;
            }
            let common = match (one, two) {
                (Some(one), Some(two))
                    if (one.stream, one.writer, one.at) == (two.stream, two.writer, two.at) =>
                {
                    let pairs = one.bytes.iter().zip(&two.bytes);
                    pairs.take_while(|(one, two)| one == two).count()
                }
                _ => 0,
            };
            let tell = |piece: Option<&Piece>| {
                piece.map_or_else(
                    || "nothing more".to_owned(),
                    |Piece {
                         at,
                         stream,
                         writer,
                         bytes,
                     }| {
                        let at = at.since_start().as_secs_f64();
                        let rest = bytes[common.min(bytes.len())..].iter().take(24).copied();
                        let rest = rest.collect::<Vec<u8>>().escape_ascii().to_string();
                        let writer = match writer {
                            End::Client => "its client wrote",
                            End::Server => "its client read",
                        };
                        format!("at {at:.9} s on stream {}, {writer} \"{rest}\"", stream.0)
                    },
                )
            };
            return Some(Difference(format!(
                "byte {} is the first that differs: once {}, once {}",
                place + common,
                tell(one),
                tell(two)
            )));
        }
        None
    }
}
