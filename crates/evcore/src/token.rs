//! Names for things that live in a table: a slot number and how often the slot was used before.
//!
//! Here: [`Token`] and the [`Slab`] that hands it out, for timers, sources and tasks alike. Never here: what is stored, the
//! operating system, a clock. Values are returned to the caller, never dropped inside.

/// The name of one thing registered with a reactor: a slot and its generation. When the thing is removed its token goes
/// stale, and stays stale when the slot is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    index: u32,
    generation: u32,
}

/// The generation of a token that means "whatever lives there now"; a slot's own generation starts after it.
const PRESENT: u32 = 0;

impl Token {
    /// The slot number: the place of the value for as long as it is there.
    pub(crate) fn index(self) -> u32 {
        self.index
    }

    /// Packs the whole token, on every target.
    pub(crate) fn to_u64(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The reverse of [`Token::to_u64`].
    pub(crate) fn from_u64(key: u64) -> Token {
        Token {
            index: key as u32,
            generation: (key >> 32) as u32,
        }
    }

    /// A key for pollers, whose user word is a `usize`.
    ///
    /// With 32 bits only the index fits, and [`Token::from_usize`] gives a token for the slot's present owner. That is
    /// exact where it is used: the kernel forgets a source when it is removed, and a turn translates all readiness before
    /// any user code can free a slot and fill it again.
    pub(crate) fn to_usize(self) -> usize {
        if cfg!(target_pointer_width = "64") {
            self.to_u64() as usize
        } else {
            self.index as usize
        }
    }

    /// The reverse of [`Token::to_usize`].
    pub(crate) fn from_usize(key: usize) -> Token {
        if cfg!(target_pointer_width = "64") {
            Token::from_u64(key as u64)
        } else {
            Token {
                index: key as u32,
                generation: PRESENT,
            }
        }
    }
}

/// A table whose slots are used again, newest hole first (it is still in the cache).
#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// The newest hole, or [`END`].
    hole: u32,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    state: State<T>,
}

#[derive(Debug)]
enum State<T> {
    Full(T),
    /// The next older hole, or [`END`].
    Hole(u32),
}

/// No slot has this index: it closes the list of holes.
const END: u32 = u32::MAX;

impl<T> Slab<T> {
    /// What a value costs, the slot's own fields included.
    #[cfg(test)]
    pub(crate) const BYTES_PER_SLOT: usize = size_of::<Slot<T>>();

    /// An empty slab, which owns no memory yet.
    pub(crate) const fn new() -> Slab<T> {
        Slab {
            slots: Vec::new(),
            hole: END,
            len: 0,
        }
    }

    /// Stores a value and names it.
    ///
    /// # Panics
    /// With 2³² − 1 slots in use.
    pub(crate) fn insert(&mut self, value: T) -> Token {
        self.insert_with(|_| value)
    }

    /// Stores the value `make` makes, which is told its name.
    ///
    /// # Panics
    /// With 2³² − 1 slots in use.
    pub(crate) fn insert_with(&mut self, make: impl FnOnce(Token) -> T) -> Token {
        let Some(slot) = self.slots.get_mut(self.hole as usize) else {
            return self.append(make);
        };
        let token = Token {
            index: self.hole,
            generation: slot.generation,
        };
        let before = std::mem::replace(&mut slot.state, State::Full(make(token)));
        if let State::Hole(next) = before {
            self.hole = next;
        }
        self.len += 1;
        token
    }

    /// As [`Slab::insert_with`], while there is no hole.
    fn append(&mut self, make: impl FnOnce(Token) -> T) -> Token {
        let index = self.slots.len() as u32;
        assert!(index < END, "a slab holds fewer than 2^32 - 1 values");
        let generation = PRESENT + 1;
        let token = Token { index, generation };
        let state = State::Full(make(token));
        self.slots.push(Slot { generation, state });
        self.len += 1;
        token
    }

    /// The value, unless the token is stale.
    pub(crate) fn get(&self, token: Token) -> Option<&T> {
        match self.slots.get(token.index as usize) {
            Some(Slot {
                generation,
                state: State::Full(value),
            }) if names(token, *generation) => Some(value),
            _ => None,
        }
    }

    /// The value, unless the token is stale.
    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        match self.slots.get_mut(token.index as usize) {
            Some(Slot {
                generation,
                state: State::Full(value),
            }) if names(token, *generation) => Some(value),
            _ => None,
        }
    }

    /// Takes the value out, unless the token is stale; from now on it is.
    pub(crate) fn remove(&mut self, token: Token) -> Option<T> {
        self.vacate(token.index, |generation| names(token, generation))
    }

    /// What is in this slot now, whichever its generation.
    pub(crate) fn at(&self, index: u32) -> Option<&T> {
        self.get(Token {
            index,
            generation: PRESENT,
        })
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values with their tokens, in order of slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Token, &T)> {
        self.slots
            .iter()
            .zip(0..)
            .filter_map(|(slot, index)| match &slot.state {
                State::Full(value) => Some((
                    Token {
                        index,
                        generation: slot.generation,
                    },
                    value,
                )),
                State::Hole(_) => None,
            })
    }

    /// Takes every value out; all tokens go stale. What the iterator did not reach stays in.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> {
        (0..self.slots.len() as u32).filter_map(|index| self.take(index))
    }

    /// Takes out what is in this slot now, whichever its generation.
    pub(crate) fn take(&mut self, index: u32) -> Option<T> {
        self.vacate(index, |_| true)
    }

    fn vacate(&mut self, index: u32, meant: impl FnOnce(u32) -> bool) -> Option<T> {
        let slot = self.slots.get_mut(index as usize)?;
        if matches!(slot.state, State::Hole(_)) || !meant(slot.generation) {
            return None;
        }
        let State::Full(value) = std::mem::replace(&mut slot.state, State::Hole(self.hole)) else {
            return None;
        };
        // A slot that has used up its generations is never filled again: a wrap would bring old tokens back to life.
        if slot.generation < u32::MAX {
            slot.generation += 1;
            self.hole = index;
        }
        self.len -= 1;
        Some(value)
    }
}

fn names(token: Token, generation: u32) -> bool {
    token.generation == generation || token.generation == PRESENT
}

#[cfg(test)]
mod tests;
