//! What a token promises: found while its value lives, never again.

use super::*;

#[test]
fn a_token_finds_its_value_until_it_is_removed() {
    let mut slab = Slab::new();
    let (a, b) = (slab.insert('a'), slab.insert('b'));
    *slab.get_mut(b).unwrap() = 'B';
    assert_eq!(
        (slab.get(a), slab.get(b), slab.len()),
        (Some(&'a'), Some(&'B'), 2)
    );
    assert_eq!(slab.remove(a), Some('a'));
    assert!(slab.get(a).is_none() && slab.remove(a).is_none() && slab.len() == 1);
}

#[test]
fn a_stale_token_never_finds_the_slots_next_owner() {
    let mut slab = Slab::new();
    let old = slab.insert(1);
    slab.remove(old);
    let new = slab.insert(2);
    assert_eq!(old.index(), new.index());
    assert!(slab.get(old).is_none() && slab.get_mut(old).is_none() && slab.remove(old).is_none());
    assert_eq!(slab.get(new), Some(&2));
}

#[test]
fn a_worn_out_slot_is_not_used_again() {
    let mut slab = Slab::new();
    slab.insert(1);
    slab.slots[0].generation = u32::MAX - 1;
    assert_eq!(slab.take(0), Some(1));
    let last = slab.insert(2);
    assert_eq!((last.index(), last.generation), (0, u32::MAX));
    assert_eq!(slab.remove(last), Some(2));
    let next = slab.insert(3);
    assert_eq!((next.index(), slab.get(last), slab.len()), (1, None, 1));
    slab.remove(next);
    assert_eq!(slab.insert(4).index(), 1);
}

#[test]
fn holes_are_filled_newest_first() {
    let mut slab = Slab::new();
    let tokens: Vec<Token> = (0..4).map(|n| slab.insert(n)).collect();
    slab.remove(tokens[1]);
    slab.remove(tokens[3]);
    let indices: Vec<u32> = (0..3).map(|n| slab.insert(n).index()).collect();
    assert_eq!(indices, [3, 1, 4]);
}

#[test]
fn iter_and_drain_see_every_value_once() {
    let mut slab = Slab::new();
    let tokens: Vec<Token> = (0..5).map(|n| slab.insert(n)).collect();
    slab.remove(tokens[2]);
    assert_eq!(
        slab.iter()
            .map(|(token, n)| (token.index(), *n))
            .collect::<Vec<_>>(),
        [(0, 0), (1, 1), (3, 3), (4, 4)]
    );
    assert!(slab.iter().all(|(token, _)| tokens.contains(&token)));
    assert_eq!(slab.drain().collect::<Vec<_>>(), [0, 1, 3, 4]);
    assert!(slab.is_empty() && tokens.iter().all(|&token| slab.get(token).is_none()));
}

#[test]
fn keys_go_there_and_back() {
    let mut slab = Slab::new();
    let first = slab.insert(0);
    slab.remove(first);
    slab.insert(1);
    let token = slab.insert(2);
    assert_eq!(Token::from_u64(token.to_u64()), token);
    assert_eq!(slab.get(Token::from_usize(token.to_usize())), Some(&2));
    if cfg!(target_pointer_width = "64") {
        assert_eq!(Token::from_usize(first.to_usize()), first);
        assert_eq!(slab.get(Token::from_usize(first.to_usize())), None);
    }
}

#[test]
fn a_token_without_generation_means_the_present_owner() {
    let mut slab = Slab::new();
    let any = Token {
        index: 0,
        generation: PRESENT,
    };
    assert_eq!(slab.get(any), None);
    let old = slab.insert(1);
    slab.remove(old);
    assert_eq!(slab.get(any), None);
    slab.insert(2);
    assert_eq!(slab.get(any), Some(&2));
}
