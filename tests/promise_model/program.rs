//! Random programs: what they are made of, how a seed makes one, and how a
//! failing one is made smaller. Nothing here knows what a program means.

use std::rc::Rc;

/// Chooses one of the things there are when the operation is performed.
pub(crate) type Pick = u16;

/// Which event: two plain ones, one `latest`, and the ticks of an interval.
pub(crate) type Ev = usize;
pub(crate) const LATEST: Ev = 2;
pub(crate) const TICK: Ev = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attach {
    Then,
    ThenOr,
    Settled,
    Catch,
    AndThen,
    OrElse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    All,
    AllSettled,
    Any,
    Race,
}

/// What a callback does with the resolver it holds, before anything else.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    Hold,
    Resolve(i64),
    Reject(i64),
    Release,
}

/// What the destructor of a callback's capture does.
#[derive(Clone, Debug)]
pub(crate) enum Last {
    Nothing,
    Panic,
    Ops(Vec<Op>),
}

/// How a script ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Value(i64),
    Fail(i64),
    /// Fails with the very error it was given, if it was given one.
    Same,
    Follow(Pick),
    /// As `Follow`, and gives the handle away.
    FollowTaken(Pick),
    Panic,
}

/// A callback, listener, hook, deferred function or coroutine.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) ops: Vec<Op>,
    pub(crate) end: End,
    pub(crate) carry: Option<(Pick, Deed)>,
    pub(crate) last: Last,
}

impl Script {
    /// Says that it was called, no more.
    pub(crate) fn plain() -> Rc<Script> {
        Rc::new(Script {
            ops: vec![],
            end: End::Value(0),
            carry: None,
            last: Last::Nothing,
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Awaiting {
    pub(crate) pick: Pick,
    pub(crate) take: bool,
    pub(crate) shared: bool,
    /// `?`: an error ends the coroutine.
    pub(crate) bail: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Pending,
    Ready(i64),
    Failed(i64),
    Attach(Attach, Pick, Rc<Script>, Rc<Script>),
    Fork(Pick),
    Timeout(Pick, u64),
    Clone(Pick),
    Drop(Pick),
    Cancel(Pick),
    Peek(Pick),
    Own(Pick),
    DropOwned(Pick),
    On(Pick, Ev, Rc<Script>),
    Resolve(Pick, i64),
    Reject(Pick, i64),
    Follow(Pick, Pick, bool),
    DropResolver(Pick),
    Emit(Pick, Ev, i64),
    Forward(Pick, Ev, Pick),
    OnCancel(Pick, Rc<Script>),
    IsWanted(Pick),
    Emitter(Pick),
    EmitBy(Pick, Ev, i64),
    Wants(Pick, Ev),
    Join(Join, Vec<Pick>),
    Sleep(u64),
    Interval(u64),
    Defer(Rc<Script>),
    Spawn(Vec<Awaiting>, Rc<Script>),
    Burst(Pick, u32),
    Turn(usize),
    Advance(u64),
    Run(Pick),
    /// The reactor in which the top level goes on.
    Enter(usize),
    Close(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) ops: Vec<Op>,
}

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What sort of program a seed makes.
struct Maker {
    random: Random,
    depth: u32,
    /// More than one reactor.
    many: bool,
    /// A reactor may be closed on the way. The order in which closing lets
    /// go is nobody's rule, so such programs have no resolvers in captures
    /// and no promises tied across reactors.
    closing: bool,
    bursts: bool,
    turns: bool,
    number: i64,
}

pub(crate) fn make(seed: u64) -> Program {
    let mut random = Random(seed);
    random.next();
    let mut maker = Maker {
        depth: 0,
        many: random.one_in(4),
        closing: false,
        bursts: random.one_in(40),
        turns: random.one_in(2),
        number: 0,
        random,
    };
    maker.closing = maker.many && maker.random.one_in(2);
    let length = 4 + maker.random.below(28);
    let ops = (0..length).map(|_| maker.op()).collect();
    Program { ops }
}

impl Maker {
    fn pick(&mut self) -> Pick {
        self.random.below(1 << 16) as Pick
    }

    fn number(&mut self) -> i64 {
        self.number += 1;
        self.number
    }

    fn event(&mut self) -> Ev {
        self.random.below(3) as Ev
    }

    fn script(&mut self) -> Rc<Script> {
        self.depth += 1;
        let room = [0, 3, 3, 2, 0][self.depth.min(4) as usize];
        let length = match self.random.below(3) {
            0 => 0,
            _ => self.random.below(room + 1),
        };
        let ops = (0..length).map(|_| self.op()).collect();
        let end = match self.random.below(16) {
            0..6 => End::Value(self.number()),
            6..8 => End::Fail(self.number()),
            8 => End::Same,
            9..12 => End::Follow(self.pick()),
            12..14 => End::FollowTaken(self.pick()),
            _ => End::Panic,
        };
        let carry = (!self.closing && self.random.one_in(5)).then(|| {
            let deed = match self.random.below(4) {
                0 => Deed::Resolve(self.number()),
                1 => Deed::Reject(self.number()),
                2 => Deed::Release,
                _ => Deed::Hold,
            };
            (self.pick(), deed)
        });
        let last = match self.random.below(12) {
            0 => Last::Panic,
            1 if self.depth < 3 => {
                let turns = std::mem::replace(&mut self.turns, false);
                let last = Last::Ops((0..1 + self.random.below(2)).map(|_| self.op()).collect());
                self.turns = turns;
                last
            }
            _ => Last::Nothing,
        };
        self.depth -= 1;
        Rc::new(Script {
            ops,
            end,
            carry,
            last,
        })
    }

    fn awaits(&mut self) -> Vec<Awaiting> {
        let length = self.random.below(4);
        (0..length)
            .map(|_| Awaiting {
                pick: self.pick(),
                take: self.random.one_in(3),
                shared: self.random.one_in(3),
                bail: self.random.one_in(2),
            })
            .collect()
    }

    fn op(&mut self) -> Op {
        match self.random.below(100) {
            0..10 => Op::Pending,
            10..12 => Op::Ready(self.number()),
            12..14 => Op::Failed(self.number()),
            14..28 => self.attach(),
            28..31 => Op::Fork(self.pick()),
            31..34 => Op::Timeout(self.pick(), self.random.below(4)),
            34 => Op::Clone(self.pick()),
            35..39 => Op::Drop(self.pick()),
            39..43 => Op::Cancel(self.pick()),
            43 => Op::Peek(self.pick()),
            44 => Op::Own(self.pick()),
            45 => Op::DropOwned(self.pick()),
            46..52 => Op::On(self.pick(), self.event(), self.script()),
            52..58 => Op::Resolve(self.pick(), self.number()),
            58..61 => Op::Reject(self.pick(), self.number()),
            61..65 => Op::Follow(self.pick(), self.pick(), self.random.one_in(2)),
            65..67 => Op::DropResolver(self.pick()),
            67..73 => Op::Emit(self.pick(), self.event(), self.number()),
            73..88 => self.rarer(),
            _ => self.turning(),
        }
    }

    fn attach(&mut self) -> Op {
        let kind = match self.random.below(10) {
            0..3 => Attach::Then,
            3 => Attach::ThenOr,
            4 => Attach::Settled,
            5 => Attach::Catch,
            6..9 => Attach::AndThen,
            _ => Attach::OrElse,
        };
        let (pick, one) = (self.pick(), self.script());
        let two = if kind == Attach::ThenOr {
            self.script()
        } else {
            Script::plain()
        };
        Op::Attach(kind, pick, one, two)
    }

    fn rarer(&mut self) -> Op {
        match self.random.below(16) {
            0 => Op::Forward(self.pick(), self.event(), self.pick()),
            1 => Op::OnCancel(self.pick(), self.script()),
            2 => Op::IsWanted(self.pick()),
            3 => Op::Emitter(self.pick()),
            4 => Op::EmitBy(self.pick(), self.event(), self.number()),
            5 => Op::Wants(self.pick(), self.event()),
            6..9 => {
                let kinds = [Join::All, Join::AllSettled, Join::Any, Join::Race];
                let kind = kinds[self.random.below(4) as usize];
                let length = self.random.below(4);
                Op::Join(kind, (0..length).map(|_| self.pick()).collect())
            }
            9 => Op::Sleep(self.random.below(4)),
            10 => Op::Interval(1 + self.random.below(3)),
            11 => Op::Defer(self.script()),
            12..15 => Op::Spawn(self.awaits(), self.script()),
            _ if self.bursts => {
                Op::Burst(self.pick(), [3, 600, 1_100][self.random.below(3) as usize])
            }
            _ => Op::On(self.pick(), TICK, self.script()),
        }
    }

    fn turning(&mut self) -> Op {
        let reactor = if self.many {
            self.random.below(2) as usize
        } else {
            0
        };
        match self.random.below(12) {
            0..2 => Op::Advance(1 + self.random.below(3)),
            2 if self.depth == 0 || self.turns => Op::Run(self.pick()),
            3 if self.many && self.depth == 0 => Op::Enter(reactor),
            4 if self.closing && self.depth == 0 && self.random.one_in(3) => Op::Close(reactor),
            _ if self.depth == 0 || self.turns => Op::Turn(reactor),
            _ => Op::Cancel(self.pick()),
        }
    }
}

/// Whether promises of different reactors may be tied together.
pub(crate) fn may_tie(program: &Program) -> bool {
    !program.ops.iter().any(|op| matches!(op, Op::Close(_)))
}

/// Makes a failing program smaller for as long as `fails` says it still does.
pub(crate) fn shrink(program: Program, fails: impl Fn(&Program) -> bool) -> Program {
    let mut best = program;
    let mut tries = 0;
    'again: loop {
        let mut at = 0;
        while let Some(length) = list(&mut best.clone(), at).map(|ops| ops.len()) {
            let mut chunk = length;
            while chunk > 0 {
                for start in (0..length).step_by(chunk) {
                    let mut smaller = best.clone();
                    let ops = list(&mut smaller, at).expect("it was there");
                    ops.drain(start..(start + chunk).min(length));
                    tries += 1;
                    if tries > 20_000 {
                        return best;
                    }
                    if fails(&smaller) {
                        best = smaller;
                        continue 'again;
                    }
                }
                chunk /= 2;
            }
            at += 1;
        }
        for at in 0.. {
            let mut smaller = best.clone();
            match plainer(&mut smaller, at) {
                None => return best,
                Some(true) if fails(&smaller) => {
                    best = smaller;
                    continue 'again;
                }
                Some(_) => {}
            }
        }
    }
}

/// The list of operations with that number, the top one being 0.
fn list(program: &mut Program, number: usize) -> Option<&mut Vec<Op>> {
    let mut left = number;
    find(&mut program.ops, &mut left)
}

fn find<'a>(ops: &'a mut Vec<Op>, left: &mut usize) -> Option<&'a mut Vec<Op>> {
    if *left == 0 {
        return Some(ops);
    }
    *left -= 1;
    for script in ops.iter_mut().flat_map(scripts) {
        let script = Rc::make_mut(script);
        if let Some(found) = find(&mut script.ops, left) {
            return Some(found);
        }
        if let Last::Ops(ops) = &mut script.last
            && let Some(found) = find(ops, left)
        {
            return Some(found);
        }
    }
    None
}

fn scripts(op: &mut Op) -> Vec<&mut Rc<Script>> {
    match op {
        Op::Attach(Attach::ThenOr, _, one, two) => vec![one, two],
        Op::Attach(_, _, one, _) => vec![one],
        Op::On(_, _, one) | Op::OnCancel(_, one) | Op::Defer(one) | Op::Spawn(_, one) => vec![one],
        _ => vec![],
    }
}

/// Takes a frill off the script with that number; false if it has none.
fn plainer(program: &mut Program, number: usize) -> Option<bool> {
    let (mut left, frill) = (number / 4, number % 4);
    let script = nth_script(&mut program.ops, &mut left)?;
    Some(match frill {
        0 => script.carry.take().is_some(),
        1 => !matches!(
            std::mem::replace(&mut script.last, Last::Nothing),
            Last::Nothing
        ),
        2 => !matches!(
            std::mem::replace(&mut script.end, End::Value(0)),
            End::Value(0)
        ),
        _ => false,
    })
}

fn nth_script<'a>(ops: &'a mut [Op], left: &mut usize) -> Option<&'a mut Script> {
    for script in ops.iter_mut().flat_map(scripts) {
        let script = Rc::make_mut(script);
        if *left == 0 {
            return Some(script);
        }
        *left -= 1;
        if let Some(found) = nth_script(&mut script.ops, left) {
            return Some(found);
        }
    }
    None
}
