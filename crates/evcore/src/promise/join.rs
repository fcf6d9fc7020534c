//! Many promises as one: `all`, `all_settled`, `any`, `race`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use crate::error::{Error, Result};
use crate::event::Event;
use crate::promise::Promise;
use crate::promise::listen;
use crate::promise::state::{
    self, AnyNode, Body, Node, Outcome, Place, PromiseNode, Waiter, pass_on, result,
};
use crate::promise::unhandled::Failure;
use crate::reactor::Core;
use crate::token::Token;
use crate::turn;

/// Every promise given to [`Promise::any`] was rejected: their errors, in the
/// order in which the promises were given.
///
/// ```
/// use evcore::{AllFailed, Promise};
///
/// let none = Promise::<u32>::any([Promise::failed("one"), Promise::failed("two")]);
/// let error = evcore::run(none).unwrap_err();
/// assert_eq!(error.downcast_ref::<AllFailed>().unwrap().0.len(), 2);
/// assert_eq!(error.to_string(), "all 2 failed; one; two");
/// ```
#[derive(Clone, Debug)]
pub struct AllFailed(pub Vec<Error>);

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all {} failed", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "; {error}"))
    }
}

impl std::error::Error for AllFailed {}

/// How a join decides.
pub(crate) trait Join<T, U>: 'static {
    /// The first outcome of this sort decides at once.
    fn decides(&self, outcome: &Result<&T, &Failure>) -> bool;
    /// What the deciding promise's outcome makes of the join.
    fn take(&self, source: &Rc<dyn PromiseNode<T>>) -> Outcome<U>;
    /// What the join ends with when all have settled and none has decided.
    fn gather(&self, core: &Rc<Core>, place: Place, all: &[Rc<dyn PromiseNode<T>>]) -> Outcome<U>;
}

pub(crate) struct Joining<T: 'static, U: 'static, J> {
    join: J,
    parts: RefCell<Vec<Rc<Part<T, U, J>>>>,
    open: Cell<usize>,
    /// In the reactor's book, if parts live elsewhere: closing would not find
    /// it through its parts.
    entry: Cell<Option<Token>>,
}

/// One promise of a join, waiting.
struct Part<T: 'static, U: 'static, J> {
    source: Rc<dyn PromiseNode<T>>,
    whole: Cell<Option<Rc<Node<U, Joining<T, U, J>>>>>,
}

/// Makes the promise that joins `promises`, of which there is one at least.
pub(crate) fn join<T: 'static, U: 'static, J: Join<T, U>>(
    core: Rc<Core>,
    place: Place,
    promises: Vec<Promise<T>>,
    join: J,
) -> Promise<U> {
    let open = Cell::new(promises.len());
    let whole = Node::new(
        core,
        place,
        Joining {
            join,
            parts: RefCell::default(),
            open,
            entry: Cell::new(None),
        },
    );
    let core = &whole.base.core;
    if core.is_closed() {
        whole.settle(Outcome::Failed(Failure::quiet(core.closed())));
        return Promise::new(whole);
    }
    let away = |promise: &Promise<T>| !Rc::ptr_eq(&promise.node().base().core, core);
    if promises.iter().any(away) {
        let weak = Rc::downgrade(&whole);
        whole.body.entry.set(Some(core.register_pending(weak)));
    }
    let parts: Vec<_> = promises
        .iter()
        .map(|promise| {
            let source = promise.node().clone();
            Rc::new(Part {
                source,
                whole: Cell::new(Some(whole.clone())),
            })
        })
        .collect();
    whole.body.parts.replace(parts.clone());
    for part in parts {
        part.source.wait(part.clone());
    }
    drop(promises);
    Promise::new(whole)
}

impl<T: 'static, U: 'static, J: Join<T, U>> Body for Joining<T, U, J> {
    fn detach(&self, core: &Rc<Core>, upstream: &mut dyn FnMut(Rc<dyn AnyNode>)) {
        let parts = self.parts.take();
        for part in parts {
            if let Some(whole) = part.whole.take() {
                drop(whole);
                upstream(part.source.clone());
            }
            turn::bury(core, part);
        }
    }

    fn retire(&self, core: &Rc<Core>) {
        if let Some(entry) = self.entry.take() {
            core.forget_pending(entry);
        }
    }
}

impl<T: 'static, U: 'static, J: Join<T, U>> Waiter for Part<T, U, J> {
    fn fire(self: Rc<Self>) -> bool {
        let Some(whole) = self.whole.take() else {
            let core = self.source.base().core.clone();
            turn::bury(&core, self);
            return false;
        };
        let core = whole.base.core.clone();
        let outcome = result(&*self.source).expect("a waiter fires when its source has settled");
        let open = whole.body.open.get() - 1;
        whole.body.open.set(open);
        if whole.body.join.decides(&outcome) {
            let outcome = whole.body.join.take(&self.source);
            finish(&whole, outcome, Some(&self.source));
        } else if open == 0 {
            let parts = whole.body.parts.borrow();
            let sources: Vec<_> = parts.iter().map(|part| part.source.clone()).collect();
            drop(parts);
            let outcome = whole
                .body
                .join
                .gather(&whole.base.core, whole.base.place, &sources);
            sources.into_iter().for_each(turn::release_node);
            finish(&whole, outcome, None);
        }
        turn::release(whole);
        turn::bury(&core, self);
        true
    }

    fn is_live(&self) -> bool {
        let whole = self.whole.take();
        let live = whole.is_some();
        self.whole.set(whole);
        live
    }

    /// The part's reactor closes; the whole may live on in another one.
    fn abandon(self: Rc<Self>) {
        match self.whole.take() {
            Some(whole) if whole.base.core.is_closed() => state::cancel(whole),
            whole => {
                self.whole.set(whole);
                _ = self.fire();
            }
        }
    }
}

/// Settles the join and takes back its interest in those still pending.
/// Nobody will be asked about the errors of the others (rule P11).
fn finish<T: 'static, U: 'static, J: Join<T, U>>(
    whole: &Rc<Node<U, Joining<T, U, J>>>,
    outcome: Outcome<U>,
    winner: Option<&Rc<dyn PromiseNode<T>>>,
) {
    let parts = whole.body.parts.take();
    whole.settle(outcome);
    let mut forsaken = Vec::new();
    for part in &parts {
        let won = winner.is_some_and(|winner| Rc::ptr_eq(winner, &part.source));
        if !won {
            part.source.look();
        }
        let waited = part.whole.take().map(drop).is_some();
        if waited && !part.source.is_settled() && part.source.base().take_back(true) {
            forsaken.push(part.source.clone());
        }
    }
    forsaken
        .into_iter()
        .for_each(|source| state::cancel(source));
    turn::bury_each(&whole.base.core, parts);
}

/// `all`
pub(crate) struct All;

impl<T: Clone + 'static> Join<T, Vec<T>> for All {
    fn decides(&self, outcome: &Result<&T, &Failure>) -> bool {
        outcome.is_err()
    }

    fn take(&self, source: &Rc<dyn PromiseNode<T>>) -> Outcome<Vec<T>> {
        match source.outcome().get() {
            Some(Outcome::Failed(failure)) => Outcome::Failed(failure.clone()),
            _ => unreachable!("`all` is decided by an error"),
        }
    }

    fn gather(
        &self,
        core: &Rc<Core>,
        place: Place,
        all: &[Rc<dyn PromiseNode<T>>],
    ) -> Outcome<Vec<T>> {
        turn::gather(core, place, || {
            all.iter()
                .filter_map(|source| result(&**source)?.ok().cloned())
                .collect()
        })
    }
}

/// `all_settled`
pub(crate) struct AllSettled;

impl<T: Clone + 'static> Join<T, Vec<Result<T>>> for AllSettled {
    fn decides(&self, _: &Result<&T, &Failure>) -> bool {
        false
    }

    fn take(&self, _: &Rc<dyn PromiseNode<T>>) -> Outcome<Vec<Result<T>>> {
        unreachable!("`all_settled` waits for all")
    }

    fn gather(
        &self,
        core: &Rc<Core>,
        place: Place,
        all: &[Rc<dyn PromiseNode<T>>],
    ) -> Outcome<Vec<Result<T>>> {
        let outcomes = all.iter().filter_map(|source| result(&**source));
        turn::gather(core, place, || {
            outcomes
                .map(|o| o.cloned().map_err(|failure| failure.error.clone()))
                .collect()
        })
    }
}

/// `any`
pub(crate) struct Any;

impl<T: 'static> Join<T, T> for Any {
    fn decides(&self, outcome: &Result<&T, &Failure>) -> bool {
        outcome.is_ok()
    }

    fn take(&self, source: &Rc<dyn PromiseNode<T>>) -> Outcome<T> {
        pass_on(source)
    }

    fn gather(&self, core: &Rc<Core>, _: Place, all: &[Rc<dyn PromiseNode<T>>]) -> Outcome<T> {
        let outcomes = all.iter().filter_map(|source| result(&**source)?.err());
        let errors = outcomes.map(|failure| failure.error.clone()).collect();
        Outcome::Failed(Failure::new(core, Error::new(AllFailed(errors))))
    }
}

/// `race`
pub(crate) struct Race;

impl<T: 'static> Join<T, T> for Race {
    fn decides(&self, _: &Result<&T, &Failure>) -> bool {
        true
    }

    fn take(&self, source: &Rc<dyn PromiseNode<T>>) -> Outcome<T> {
        pass_on(source)
    }

    fn gather(&self, _: &Rc<Core>, _: Place, _: &[Rc<dyn PromiseNode<T>>]) -> Outcome<T> {
        unreachable!("`race` is decided by the first")
    }
}

/// Emits on `whole` what `sum` makes of the newest payloads of `parts`.
pub(crate) fn add_up<T: 'static, U: 'static, P: Clone + 'static>(
    whole: &Promise<U>,
    parts: &[Promise<T>],
    event: Event<P>,
    place: Place,
    sum: impl Fn(&[Option<P>]) -> P + 'static,
) {
    let node: Rc<dyn AnyNode> = whole.node().clone();
    let emitter = listen::Emitter::new(&node);
    let newest = Rc::new(RefCell::new(vec![None; parts.len()]));
    let sum = Rc::new(sum);
    for (index, part) in parts.iter().enumerate() {
        let (newest, sum, emitter) = (newest.clone(), sum.clone(), emitter.clone());
        listen::listen(part.node().clone(), event, place, move |payload: &P| {
            newest.borrow_mut()[index] = Some(payload.clone());
            let total = sum(&newest.borrow());
            emitter.emit(event, total);
        });
    }
}
