//! Places on the map as scores: 26 bits of longitude and 26 of latitude, interleaved (redis/redis, `geohash.c`).

/// The greatest latitude that can be stored, as in web maps.
const LATITUDE: f64 = 85.051_128_78;
const LONGITUDE: f64 = 180.0;
const STEPS: u32 = 26;
/// Meters; the radius that the server computes with.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// A place, in degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Place {
    pub(crate) longitude: f64,
    pub(crate) latitude: f64,
}

impl Place {
    /// Whether it can be stored.
    pub(crate) fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE && self.latitude.abs() <= LATITUDE
    }

    /// The score that stands for it, or for a place within about half a meter.
    pub(crate) fn score(self) -> f64 {
        // Whole numbers below 2⁵² are exact.
        interleave(
            cell(self.latitude, LATITUDE),
            cell(self.longitude, LONGITUDE),
        ) as f64
    }

    /// The middle of the cell that a score stands for.
    pub(crate) fn from_score(score: f64) -> Self {
        let bits = score as u64;
        Self {
            longitude: middle(gather(bits >> 1), LONGITUDE).clamp(-LONGITUDE, LONGITUDE),
            latitude: middle(gather(bits), LATITUDE).clamp(-LATITUDE, LATITUDE),
        }
    }

    /// Meters to another place along the surface (haversine).
    pub(crate) fn distance(self, other: Self) -> f64 {
        let radians = |degrees: f64| degrees * (core::f64::consts::PI / 180.0);
        let (a, b) = (radians(self.latitude), radians(other.latitude));
        let half = |from: f64, to: f64| libm::sin((to - from) / 2.0);
        let u = half(a, b);
        let v = half(radians(self.longitude), radians(other.longitude));
        let chord = libm::sqrt(u * u + libm::cos(a) * libm::cos(b) * v * v);
        2.0 * EARTH_RADIUS * libm::asin(chord.min(1.0))
    }

    /// The eleven letters of the standard geohash, whose range of latitudes is the whole globe.
    pub(crate) fn geohash(self) -> String {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = interleave(cell(self.latitude, 90.0), cell(self.longitude, LONGITUDE));
        let letter = |place: u32| {
            // 52 bits make ten letters; the last is always the first of the alphabet.
            let index = if place == 10 {
                0
            } else {
                bits >> (52 - 5 * (place + 1)) & 31
            };
            char::from(LETTERS[index as usize])
        };
        (0..11).map(letter).collect()
    }
}

/// Which of 2²⁶ equal parts of `-limit..limit` a coordinate lies in.
fn cell(coordinate: f64, limit: f64) -> u64 {
    let share = (coordinate + limit) / (2.0 * limit);
    ((share * f64::from(1_u32 << STEPS)) as u64).min((1 << STEPS) - 1)
}

fn middle(cell: u64, limit: f64) -> f64 {
    let share = (cell as f64 + 0.5) / f64::from(1_u32 << STEPS);
    share * 2.0 * limit - limit
}

/// The bits of latitude and longitude by turns, longitude above.
fn interleave(latitude: u64, longitude: u64) -> u64 {
    (0..STEPS).fold(0, |bits, step| {
        bits | (latitude >> step & 1) << (2 * step) | (longitude >> step & 1) << (2 * step + 1)
    })
}

/// Every second bit.
fn gather(bits: u64) -> u64 {
    (0..STEPS).fold(0, |part, step| part | (bits >> (2 * step) & 1) << step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the Redis documentation, commands GEOADD, GEODIST and GEOHASH.
    #[test]
    fn palermo_and_catania_are_where_the_documentation_has_them() {
        let palermo = Place {
            longitude: 13.361_389,
            latitude: 38.115_556,
        };
        let catania = Place {
            longitude: 15.087_269,
            latitude: 37.502_669,
        };
        let stored = [palermo, catania].map(|place| Place::from_score(place.score()));
        assert!((stored[0].distance(stored[1]) - 166_274.151_6).abs() < 0.01);
        assert_eq!(stored[0].geohash(), "sqc8b49rny0");
        assert_eq!(stored[1].geohash(), "sqdtr74hyu0");
        assert!((stored[0].longitude - 13.361_389_338_970_184).abs() < 1e-9);
    }
}
