//! Commands on places, which are members of sorted sets (Redis Active-Active documentation, data types: sorted sets).

use super::Call;
use super::call::{count, float, is_word};
use super::sorted_sets::{Conditions, Only, Scored, add_pairs, read, store};
use crate::geohash::Place;
use crate::run::Run;
use crate::{CommandKind, Element, ErrorKind, KeyId, Reply};

fn place_at(call: &Call, at: usize) -> Result<Place, ErrorKind> {
    let place = Place {
        longitude: float(call.bytes_at(at)?)?,
        latitude: float(call.bytes_at(at + 1)?)?,
    };
    if !place.is_valid() {
        return Err(ErrorKind::Quoting(
            format!(
                "ERR invalid longitude,latitude pair {:.6},{:.6}",
                place.longitude, place.latitude
            )
            .into(),
        ));
    }
    Ok(place)
}

/// GEOADD.
pub(super) fn add(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (mut conditions, mut counts_changed, mut at) = (Conditions::default(), false, 1);
    while let Ok(word) = call.bytes_at(at) {
        match word {
            word if is_word(word, "NX") => conditions.limit(Only::New)?,
            word if is_word(word, "XX") => conditions.limit(Only::Old)?,
            word if is_word(word, "CH") => counts_changed = true,
            _ => break,
        }
        at += 1;
    }
    let number = call.from(at).len();
    if number == 0 || !number.is_multiple_of(3) {
        return Err(ErrorKind::Syntax);
    }
    let places = (at..at + number).step_by(3);
    let pairs = places.map(|at| Ok((call.bytes_at(at + 2)?.into(), place_at(call, at)?.score())));
    let pairs = pairs.collect::<Result<Scored, ErrorKind>>()?;
    add_pairs(run, call.key(), pairs, conditions, counts_changed)
}

fn place_of(run: &Run<'_>, key: KeyId, member: &[u8]) -> Result<Option<Place>, ErrorKind> {
    let score = read(run, key)?.score(&Element::from(member));
    Ok(score.map(Place::from_score))
}

/// A place as it is answered.
fn shown(place: Place) -> Reply {
    Reply::bulks([place.longitude, place.latitude].map(|degrees| format!("{degrees}")))
}

/// GEOPOS and GEOHASH.
pub(super) fn positions(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let is_hash = call.kind() == CommandKind::GeoHash;
    let all = call.from(1).iter().map(|member| {
        let place = place_of(run, call.key(), member)?;
        Ok(match place {
            None => Reply::Nil,
            Some(place) if is_hash => Reply::bulk(place.geohash()),
            Some(place) => shown(place),
        })
    });
    Ok(Reply::Array(all.collect::<Result<_, ErrorKind>>()?))
}

/// Meters of a unit.
fn unit(argument: &[u8]) -> Result<f64, ErrorKind> {
    Ok(match argument {
        word if is_word(word, "M") => 1.0,
        word if is_word(word, "KM") => 1000.0,
        word if is_word(word, "FT") => 0.3048,
        word if is_word(word, "MI") => 1609.34,
        _ => {
            return Err(ErrorKind::Other(
                "ERR unsupported unit provided. please use M, KM, FT, MI",
            ));
        }
    })
}

/// GEODIST.
pub(super) fn distance(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let unit = call.from(3).first().map_or(Ok(1.0), |word| unit(word))?;
    let [from, to] = [1, 2].map(|at| place_of(run, call.key(), call.bytes_at(at)?));
    Ok(match (from?, to?) {
        (Some(from), Some(to)) => Reply::bulk(format!("{:.4}", from.distance(to) / unit)),
        _ => Reply::Nil,
    })
}

/// The area of a search.
enum Shape {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// A place that was found.
struct Hit {
    member: Element,
    place: Place,
    score: f64,
    distance: f64,
}

struct Search {
    center: Place,
    shape: Shape,
    unit: f64,
    is_descending: Option<bool>,
    limit: Option<usize>,
    takes_any: bool,
    with: [bool; 3],
    stores_distances: bool,
}

impl Search {
    /// The words from the `at`-th argument on; those of the older commands have their center and radius before them.
    fn parse(run: &Run<'_>, call: &Call, key: KeyId, mut at: usize) -> Result<Self, ErrorKind> {
        let (mut center, mut shape, mut meters) = (None, None, 1.0);
        let member = |at: usize| {
            let place = place_of(run, key, call.bytes_at(at)?)?;
            place.ok_or(ErrorKind::Other(
                "ERR could not decode requested zset member",
            ))
        };
        if matches!(
            call.kind(),
            CommandKind::GeoRadius | CommandKind::GeoRadiusByMember
        ) {
            let is_by_member = call.kind() == CommandKind::GeoRadiusByMember;
            center = Some(if is_by_member {
                member(at)?
            } else {
                place_at(call, at)?
            });
            at += if is_by_member { 1 } else { 2 };
            meters = unit(call.bytes_at(at + 1)?)?;
            let radius = float(call.bytes_at(at)?)? * meters;
            shape = Some(Shape::Circle { radius });
            at += 2;
        }
        let (mut is_descending, mut limit, mut takes_any) = (None, None, false);
        let (mut extras, mut stores_distances) = ([false; 3], false);
        while let Ok(word) = call.bytes_at(at) {
            at += 1;
            match word {
                word if is_word(word, "FROMMEMBER") => {
                    center = Some(member(at)?);
                    at += 1;
                }
                word if is_word(word, "FROMLONLAT") => {
                    center = Some(place_at(call, at)?);
                    at += 2;
                }
                word if is_word(word, "BYRADIUS") => {
                    meters = unit(call.bytes_at(at + 1)?)?;
                    let radius = float(call.bytes_at(at)?)? * meters;
                    shape = Some(Shape::Circle { radius });
                    at += 2;
                }
                word if is_word(word, "BYBOX") => {
                    meters = unit(call.bytes_at(at + 2)?)?;
                    let width = float(call.bytes_at(at)?)? * meters;
                    let height = float(call.bytes_at(at + 1)?)? * meters;
                    shape = Some(Shape::Box { width, height });
                    at += 3;
                }
                word if is_word(word, "ASC") => is_descending = Some(false),
                word if is_word(word, "DESC") => is_descending = Some(true),
                word if is_word(word, "COUNT") => {
                    limit = Some(count(call.bytes_at(at)?)?.max(1));
                    at += 1;
                }
                word if is_word(word, "ANY") => takes_any = true,
                word if is_word(word, "WITHDIST") => extras[0] = true,
                word if is_word(word, "WITHHASH") => extras[1] = true,
                word if is_word(word, "WITHCOORD") => extras[2] = true,
                word if is_word(word, "STOREDIST") => stores_distances = true,
                _ => return Err(ErrorKind::Syntax),
            }
        }
        let (Some(center), Some(shape)) = (center, shape) else {
            return Err(ErrorKind::Syntax);
        };
        Ok(Self {
            center,
            shape,
            unit: meters,
            is_descending,
            limit,
            takes_any,
            with: extras,
            stores_distances,
        })
    }

    fn contains(&self, place: Place, distance: f64) -> bool {
        match self.shape {
            Shape::Circle { radius } => distance <= radius,
            Shape::Box { width, height } => {
                let same_meridian = Place {
                    longitude: self.center.longitude,
                    latitude: place.latitude,
                };
                self.center.distance(same_meridian) <= height / 2.0
                    && same_meridian.distance(place) <= width / 2.0
            }
        }
    }

    /// The places within, in the order asked for; the nearest come first where only some are wanted.
    fn hits(&self, run: &Run<'_>, key: KeyId) -> Result<Vec<Hit>, ErrorKind> {
        let all = read(run, key)?.ranked().map(|(member, score)| {
            let place = Place::from_score(score);
            Hit {
                member: member.clone(),
                place,
                score,
                distance: self.center.distance(place),
            }
        });
        let mut hits: Vec<Hit> = all
            .filter(|hit| self.contains(hit.place, hit.distance))
            .collect();
        if self.is_descending.is_some() || (self.limit.is_some() && !self.takes_any) {
            hits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        }
        if self.is_descending == Some(true) {
            hits.reverse();
        }
        hits.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(hits)
    }

    fn shown(&self, hit: &Hit) -> Reply {
        let [with_distance, with_hash, with_place] = self.with;
        let member = Reply::Element(hit.member.clone());
        if !with_distance && !with_hash && !with_place {
            return member;
        }
        let mut parts = vec![member];
        if with_distance {
            parts.push(Reply::bulk(format!("{:.4}", hit.distance / self.unit)));
        }
        if with_hash {
            parts.push(Reply::Integer(hit.score as i64));
        }
        if with_place {
            parts.push(shown(hit.place));
        }
        Reply::Array(parts)
    }
}

/// GEOSEARCH, GEORADIUS and GEORADIUSBYMEMBER, of which the latter two only read here.
pub(super) fn search(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let search = Search::parse(run, call, call.key(), 1)?;
    let hits = search.hits(run, call.key())?;
    Ok(Reply::Array(
        hits.iter().map(|hit| search.shown(hit)).collect(),
    ))
}

/// GEOSEARCHSTORE.
pub(super) fn store_search(run: &mut Run<'_>, call: &Call) -> Result<Reply, ErrorKind> {
    let (target, source) = (call.keys()[0], call.keys()[1]);
    let search = Search::parse(run, call, source, 2)?;
    let hits = search.hits(run, source)?.into_iter();
    let scored = hits.map(|hit| {
        let score = if search.stores_distances {
            hit.distance / search.unit
        } else {
            hit.score
        };
        (hit.member, score)
    });
    let members = scored.collect();
    Ok(store(run, target, members))
}
