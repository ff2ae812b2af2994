//! Values that must never change: a change here is a change of every recorded run.

use regionfall_kernel::{
    Address, Distribution, Drift, EventQueue, Rng, Sampler, Seed, SimDuration, SimTime, TieBreak,
    TraceHash, TwoState, exponential, shuffle,
};

fn ms(milliseconds: u64) -> SimDuration {
    SimDuration::from_millis(milliseconds)
}

fn distributions() -> [Distribution; 7] {
    [
        Distribution::Constant(ms(250)),
        Distribution::Uniform {
            low: ms(30),
            high: ms(90),
        },
        Distribution::Exponential { mean: ms(20) },
        Distribution::LogNormal {
            median: ms(20),
            p99: ms(200),
        },
        Distribution::ParetoExp {
            minimum: ms(1),
            shape: 1.5,
            cutoff: ms(10_000),
        },
        Distribution::Quantiles {
            p50: ms(68),
            p95: ms(75),
            p99: ms(140),
        },
        Distribution::Empirical([ms(1), ms(2), ms(5), ms(9)].into()),
    ]
}

#[test]
fn streams() {
    let seed = Seed::new(42);
    let mut stream = seed.stream("faults");
    assert_eq!(
        [stream.next_u64(), stream.next_u64()],
        [435_564_764_547_652_266, 9_889_263_692_236_000_150]
    );
    assert_eq!(
        seed.stream_indexed("clients", 7).next_u64(),
        13_685_877_925_931_505_173
    );
    let draws = seed.addressed("delay");
    assert_eq!(
        draws.words(Address::new(1, 2, 3, 4)),
        [2_711_448_632, 1_112_611_567, 2_840_531_196, 471_207_521]
    );
    assert_eq!(
        draws.bits(Address::new(1, 2, 3, 4)),
        4_778_630_296_127_761_464
    );
    let mut items = [0, 1, 2, 3, 4, 5, 6, 7];
    shuffle(&mut seed.stream("shuffle"), &mut items);
    assert_eq!(items, [4, 7, 5, 1, 2, 0, 6, 3]);
    assert_eq!(
        exponential(&mut seed.stream("gap"), ms(20)).as_nanos(),
        14_037_347
    );
}

#[test]
fn weather() {
    let mut process = TwoState::new(Seed::new(42), "loss", 3, ms(900), ms(100));
    let bad = (0..1_000_000)
        .filter(|at| process.is_bad_at(SimTime::from_nanos(at * 1_000_000)))
        .count();
    assert_eq!(bad, 103_270);
    let mut drift = Drift::new(Seed::new(42), "latency", 3, ms(60_000));
    let height = drift.value_at(SimTime::from_nanos(90_000_000_000));
    assert_eq!(height.to_bits(), 4_602_885_124_755_333_251, "{height}");
}

#[test]
fn quantiles() {
    let shares = [0.0, 0.001, 0.5, 0.95, 0.99, 0.9999];
    let nanoseconds =
        |distribution: &Distribution| shares.map(|share| distribution.quantile(share).as_nanos());
    let all: Vec<_> = distributions().iter().map(nanoseconds).collect();
    let expected: [[u64; 6]; 7] = [
        [
            250_000_000,
            250_000_000,
            250_000_000,
            250_000_000,
            250_000_000,
            250_000_000,
        ],
        [
            30_000_000, 30_060_000, 60_000_000, 87_000_000, 89_400_000, 89_994_000,
        ],
        [0, 20_010, 13_862_944, 59_914_645, 92_103_404, 184_206_807],
        [
            0,
            939_005,
            20_000_000,
            101_878_847,
            200_000_000,
            793_743_518,
        ],
        [
            1_000_000,
            1_000_667,
            1_587_339,
            7_364_937,
            21_514_902,
            450_457_215,
        ],
        [
            0,
            56_567_193,
            68_000_000,
            75_000_000,
            140_000_000,
            501_264_505,
        ],
        [
            1_000_000, 1_003_000, 3_500_000, 8_400_000, 8_880_000, 8_998_800,
        ],
    ];
    assert_eq!(all, expected);
}

#[test]
fn samples() {
    let words = [
        0,
        1 << 40,
        0x1234_5678_9ABC_DEF0,
        1 << 63,
        0xF0F0_F0F0_F0F0_F0F0,
        u64::MAX,
    ];
    let nanoseconds = |distribution: &Distribution| {
        let sampler = Sampler::new(distribution);
        words.map(|bits| sampler.sample(bits).as_nanos())
    };
    let all: Vec<_> = distributions().iter().map(nanoseconds).collect();
    let expected: [[u64; 6]; 7] = [
        [
            250_000_000,
            250_000_000,
            250_000_000,
            250_000_000,
            250_000_000,
            250_000_000,
        ],
        [
            30_000_000, 30_000_003, 34_266_666, 60_000_000, 86_470_588, 89_999_999,
        ],
        [0, 1, 1_475_324, 13_862_944, 56_664_760, 734_736_011],
        [
            0,
            105_939,
            4_679_331,
            20_000_000,
            94_112_541,
            67_603_231_019,
        ],
        [
            1_000_000,
            1_000_000,
            1_050_403,
            1_587_339,
            6_609_197,
            185_413_823_362,
        ],
        [
            0,
            49_606_086,
            62_307_863,
            68_000_000,
            74_642_922,
            30_632_835_467,
        ],
        [
            1_000_000, 1_000_000, 1_213_333, 3_500_000, 8_294_117, 8_999_999,
        ],
    ];
    assert_eq!(all, expected);
}

#[test]
fn means() {
    let all = distributions().map(|distribution| distribution.mean().as_nanos());
    assert_eq!(
        all,
        [
            250_000_000,
            60_000_000,
            20_000_000,
            32_641_021,
            2_964_947,
            70_168_067,
            4_000_000
        ]
    );
}

#[test]
fn permuted_ties() {
    let mut queue = EventQueue::new(TieBreak::Permuted(Seed::new(42)));
    (0..8).for_each(|number| queue.schedule(SimTime::ZERO, number));
    let order: Vec<_> = core::iter::from_fn(|| queue.pop_until(SimTime::ZERO))
        .map(|(_, number)| number)
        .collect();
    assert_eq!(order, [7, 4, 1, 0, 5, 3, 2, 6]);
}

#[test]
fn trace_hash() {
    let mut trace = TraceHash::new();
    assert_eq!(trace.to_string(), "920d3c16a5aa8d39");
    trace.absorb2(1, 2);
    trace.absorb_str("write acknowledged");
    assert_eq!(trace.to_string(), "742853da99f8ff7c");
}
