//! The queue against its promises, and against a sorted list that decides everything naively.

use super::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn queue() -> (TimerQueue<u64>, Instant) {
    let base = Instant::now();
    (TimerQueue::new(base), base)
}

fn fire(queue: &mut TimerQueue<u64>, now: Instant) -> Vec<u64> {
    let before = queue.sequence();
    std::iter::from_fn(|| queue.pop_due(now, before)).collect()
}

#[test]
fn fires_by_deadline_then_by_creation_and_never_early() {
    let (mut queue, base) = queue();
    for (name, at) in [(1, 20), (2, 10), (3, 20), (4, 10), (5, 30)] {
        queue.insert(base + ms(at), name);
    }
    assert_eq!(queue.next_deadline(), Some(base + ms(10)));
    assert_eq!(
        fire(&mut queue, base + ms(10) - Duration::from_nanos(1)),
        []
    );
    assert_eq!(fire(&mut queue, base + ms(20)), [2, 4, 1, 3]);
    assert_eq!(
        (queue.len(), queue.next_deadline()),
        (1, Some(base + ms(30)))
    );
}

#[test]
fn deadlines_before_the_base_keep_their_order() {
    let base = Instant::now() + ms(100);
    let mut queue = TimerQueue::new(base);
    queue.insert(base - ms(1), 1);
    queue.insert(base - ms(2), 2);
    assert_eq!(queue.next_deadline(), Some(base - ms(2)));
    assert_eq!(fire(&mut queue, base - ms(2)), [2]);
    assert_eq!(fire(&mut queue, base), [1]);
}

#[test]
fn what_was_created_too_late_waits_even_if_it_stands_first() {
    let (mut queue, base) = queue();
    for name in 1..=3 {
        queue.insert(base + ms(10 + name), name);
    }
    let before = queue.sequence();
    for name in 4..=20 {
        queue.insert(base + ms(name % 5), name);
    }
    let now = base + ms(12);
    assert_eq!(queue.pop_due(now, before), Some(1));
    assert_eq!(queue.pop_due(now, before), Some(2));
    assert_eq!(queue.pop_due(now, before), None);
    assert_eq!(fire(&mut queue, now).len(), 17);
    assert_eq!(fire(&mut queue, base + ms(13)), [3]);
}

#[test]
fn cancel_gives_the_payload_back_once() {
    let (mut queue, base) = queue();
    let token = queue.insert(base, 1);
    assert_eq!((queue.cancel(token), queue.cancel(token)), (Some(1), None));
    let fired = queue.insert(base, 2);
    assert_eq!(fire(&mut queue, base), [2]);
    queue.insert(base, 3);
    assert_eq!((queue.cancel(fired), queue.len()), (None, 1));
}

#[test]
fn a_deadline_beyond_reach_neither_overflows_nor_fires() {
    let (mut queue, base) = queue();
    let mut far = ms(1 << 40);
    while let Some(double) = far
        .checked_mul(2)
        .filter(|&double| base.checked_add(double).is_some())
    {
        far = double;
    }
    queue.insert(base + far, 1);
    queue.insert(base + far, 2);
    assert!(queue.next_deadline().unwrap() > base + ms(9_000_000_000_000));
    assert_eq!(fire(&mut queue, base + ms(1 << 40)), []);
    queue.insert(base, 3);
    assert_eq!(queue.drain(), [3, 1, 2]);
}

#[test]
fn drain_empties_in_order_and_the_queue_goes_on() {
    let (mut queue, base) = queue();
    let token = queue.insert(base + ms(2), 1);
    queue.insert(base + ms(1), 2);
    assert_eq!(queue.drain(), [2, 1]);
    assert!(queue.is_empty() && queue.next_deadline().is_none() && queue.cancel(token).is_none());
    queue.insert(base, 3);
    assert_eq!(fire(&mut queue, base), [3]);
}

#[test]
fn a_timer_with_a_16_byte_payload_takes_at_most_80_bytes() {
    let slots = Slab::<Timer<[u64; 2]>>::BYTES_PER_SLOT;
    assert!(slots + size_of::<Entry>() <= 80, "{slots} in the slab");
}

#[test]
fn entries_without_a_timer_never_outnumber_the_others() {
    let (mut queue, base) = queue();
    queue.insert(base, 0);
    for n in 1..100_000 {
        let other = queue.insert(base + ms(n), n);
        assert_eq!(queue.cancel(other), Some(n));
        let entries: usize = queue.runs.iter().map(|run| run.entries.len()).sum();
        assert_eq!(queue.stale, entries - queue.len());
        assert!(
            entries <= 2 + SORTED,
            "{entries} entries for {} timers",
            queue.len()
        );
    }
}

#[test]
fn a_sweep_that_takes_the_sorted_run_away_leaves_the_rest_in_order() {
    let (mut queue, base) = queue();
    let mut tokens = [None; 500];
    for at in (0..500).map(|n| n * 7 % 500) {
        tokens[at as usize] = Some(queue.insert(base + ms(at), at));
    }
    assert_eq!(queue.next_deadline(), Some(base));
    for token in tokens.into_iter().take(300).flatten() {
        queue.cancel(token);
    }
    assert_eq!(
        fire(&mut queue, base + ms(500)),
        (300..500).collect::<Vec<_>>()
    );
}

#[test]
fn deadlines_that_come_ever_nearer_stay_cheap() {
    let (mut queue, base) = queue();
    for n in 0..100_000 {
        queue.insert(base + ms(200_000 - n), n);
        assert_eq!(queue.next_deadline(), Some(base + ms(200_000 - n)));
    }
    assert!(queue.runs.len() < 100_000 / 16, "{} runs", queue.runs.len());
    assert_eq!(
        fire(&mut queue, base + ms(200_000)),
        (0..100_000).rev().collect::<Vec<_>>()
    );
}

/// splitmix64: enough randomness for a test, nothing to depend on.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }
}

/// The reference: a list kept in order of (deadline, creation number).
#[derive(Default)]
struct Model(Vec<(Instant, u64, Token, u64)>);

impl Model {
    fn insert(&mut self, deadline: Instant, sequence: u64, token: Token, payload: u64) {
        let at = self
            .0
            .partition_point(|other| (other.0, other.1) < (deadline, sequence));
        self.0.insert(at, (deadline, sequence, token, payload));
    }

    fn remove(&mut self, token: Token) -> Option<u64> {
        let at = self.0.iter().position(|other| other.2 == token)?;
        Some(self.0.remove(at).3)
    }

    fn pop_due(&mut self, now: Instant, before: u64) -> Option<u64> {
        let at = self
            .0
            .iter()
            .position(|other| other.0 <= now && other.1 < before)?;
        Some(self.0.remove(at).3)
    }
}

/// The queue and its model, doing the same.
struct Game {
    random: Random,
    queue: TimerQueue<u64>,
    model: Model,
    tokens: Vec<Token>,
    now: Instant,
    /// How far ahead deadlines may lie, in milliseconds.
    reach: u64,
}

impl Game {
    fn new(seed: u64, reach: u64) -> Game {
        let (queue, now) = queue();
        Game {
            random: Random(seed),
            queue,
            model: Model::default(),
            tokens: Vec::new(),
            now,
            reach,
        }
    }

    fn deadline(&mut self) -> Instant {
        // Uneven: mostly near, sometimes far, now and then in the past.
        let reach = self.reach >> self.random.below(8);
        self.now + ms(1 + self.random.below(reach.max(2)))
            - ms(1) * (self.random.below(8) == 0) as u32
    }

    fn token(&mut self) -> Option<Token> {
        let at = self.random.below(self.tokens.len().max(1) as u64);
        self.tokens.get(at as usize).copied()
    }

    fn insert(&mut self, payload: u64) {
        let (deadline, sequence) = (self.deadline(), self.queue.sequence());
        let token = self.queue.insert(deadline, payload);
        self.model.insert(deadline, sequence, token, payload);
        self.tokens.push(token);
    }

    fn cancel(&mut self) {
        if let Some(token) = self.token() {
            assert_eq!(self.queue.cancel(token), self.model.remove(token));
        }
    }

    fn fire(&mut self) {
        self.now += ms(self.random.below(self.reach / 8));
        let before = self.queue.sequence().saturating_sub(self.random.below(20));
        for _ in 0..self.random.below(12) {
            let due = self.queue.pop_due(self.now, before);
            assert_eq!(due, self.model.pop_due(self.now, before));
        }
    }

    /// `inserts` of 10 moves add a timer: few keep the queue short, many make it grow.
    fn play(mut self, moves: u64, inserts: u64) {
        for n in 0..moves {
            match self.random.below(10) {
                dice if dice < inserts => self.insert(n),
                dice if dice % 2 == 0 => self.cancel(),
                _ => self.fire(),
            }
            assert_eq!(self.queue.len(), self.model.0.len());
            if self.random.below(4) == 0 {
                assert_eq!(
                    self.queue.next_deadline(),
                    self.model.0.first().map(|first| first.0)
                );
            }
        }
        let rest: Vec<u64> = self.model.0.iter().map(|other| other.3).collect();
        assert_eq!(self.queue.drain(), rest);
    }
}

#[test]
fn agrees_with_a_sorted_list_on_random_programs() {
    for seed in 0..200 {
        println!("seed {seed}");
        Game::new(seed, 100).play(500, 5);
        Game::new(seed, 100_000).play(1_500, 7);
    }
    Game::new(1, 1_000_000).play(20_000, 7);
}
