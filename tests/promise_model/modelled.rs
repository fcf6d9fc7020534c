//! The model as a machine that programs are played on: glue, no rules.

use std::rc::Rc;

use crate::model::{Closure, Id, Model};
use crate::play::{Machine, Tables, Ty};
use crate::program::{Attach, Awaiting, Ev, Join, Op, Program, Script};

impl Machine for Model {
    type Handle = Id;
    type Resolver = Id;
    type Emitter = Id;
    type Closure = Rc<Closure>;

    fn with<R>(&mut self, see: impl FnOnce(&mut Tables<Self>) -> R) -> R {
        see(&mut self.tables)
    }

    fn closure(&mut self, name: u32, script: &Rc<Script>, carried: Option<Id>) -> Rc<Closure> {
        self.new_closure(name, script, carried)
    }

    fn ty(&self, handle: &Id) -> Ty {
        Model::ty(self, *handle)
    }

    fn home(&self, handle: &Id) -> usize {
        Model::home(self, *handle)
    }

    fn resolver_home(&self, resolver: &Id) -> usize {
        Model::home(self, *resolver)
    }

    fn here(&self) -> usize {
        self.current()
    }

    fn pending(&mut self) -> (Id, Id) {
        let p = Model::pending(self, Ty::Item);
        (p, p)
    }

    fn ready(&mut self, n: i64) -> Id {
        self.settled(Ty::Item, Ok(Ty::Item.show(n)))
    }

    fn failed(&mut self, n: i64) -> Id {
        self.settled(Ty::Item, Err(format!("e{n}")))
    }

    fn attach(&mut self, kind: Attach, to: &Id, one: Rc<Closure>, two: Option<Rc<Closure>>) -> Id {
        Model::attach(self, kind, *to, std::iter::once(one).chain(two).collect())
    }

    fn fork(&mut self, of: &Id) -> Id {
        Model::fork(self, *of)
    }

    fn timeout(&mut self, of: Id, ms: u64) -> Id {
        Model::timeout(self, of, ms)
    }

    fn dup(&mut self, of: &Id) -> Id {
        self.add_handle(*of);
        *of
    }

    fn discard(&mut self, handle: Id) {
        self.drop_handle(handle);
    }

    fn cancel(&mut self, handle: &Id) {
        Model::cancel(self, *handle);
    }

    fn peek(&mut self, handle: &Id) -> String {
        Model::peek(self, *handle)
    }

    fn discard_owned(&mut self, handle: Id) {
        Model::cancel(self, handle);
        self.drop_handle(handle);
    }

    fn on(&mut self, handle: Id, event: Ev, listener: Rc<Closure>) -> Id {
        Model::on(self, handle, event, listener);
        handle
    }

    fn resolve(&mut self, resolver: Id, n: i64) {
        Model::resolve(self, resolver, n);
    }

    fn reject(&mut self, resolver: Id, n: i64) {
        Model::reject(self, resolver, n);
    }

    fn follow(&mut self, resolver: Id, leader: Id) {
        Model::follow(self, resolver, leader);
    }

    fn discard_resolver(&mut self, resolver: Id) {
        self.drop_resolver(resolver);
    }

    fn emit(&mut self, resolver: &Id, event: Ev, n: i64) {
        Model::emit(self, *resolver, event, n);
    }

    fn forward(&mut self, resolver: &Id, event: Ev, from: &Id) {
        Model::forward(self, *resolver, event, *from);
    }

    fn on_cancel(&mut self, resolver: &Id, hook: Rc<Closure>) {
        Model::on_cancel(self, *resolver, hook);
    }

    fn is_wanted(&mut self, resolver: &Id) -> bool {
        self.is_pending(*resolver)
    }

    fn emitter(&mut self, resolver: &Id) -> Id {
        *resolver
    }

    fn emit_by(&mut self, emitter: usize, event: Ev, n: i64) {
        Model::emit(self, self.tables.emitters[emitter], event, n);
    }

    fn wants(&mut self, emitter: usize, event: Ev) -> bool {
        Model::wants(self, self.tables.emitters[emitter], event)
    }

    fn join(&mut self, kind: Join, parts: Vec<Id>) -> Id {
        Model::join(self, kind, parts)
    }

    fn sleep(&mut self, ms: u64) -> Id {
        Model::sleep(self, ms)
    }

    fn interval(&mut self, ms: u64) -> Id {
        Model::interval(self, ms)
    }

    fn defer(&mut self, closure: Rc<Closure>) {
        Model::defer(self, closure);
    }

    fn spawn(&mut self, awaits: &[Awaiting], closure: Rc<Closure>) -> Id {
        Model::spawn(self, awaits, closure)
    }

    fn turn(&mut self, reactor: usize) {
        if self.open[reactor] {
            self.hold_reactor(reactor);
            Model::turn(self, reactor, false);
            self.drop_reactor(reactor);
        }
    }

    fn advance(&mut self, ms: u64) {
        self.now += ms;
    }

    fn run(&mut self, promise: Id) -> String {
        let home = Model::home(self, promise);
        if !self.open[home] {
            self.drop_handle(promise);
            return "nowhere".into();
        }
        self.hold_reactor(home);
        let ended = Model::run(self, promise);
        self.drop_reactor(home);
        ended
    }

    fn enter(&mut self, reactor: usize) {
        self.top = reactor;
    }

    fn close(&mut self, reactor: usize) {
        if std::mem::replace(&mut self.open[reactor], false) {
            self.drop_reactor(reactor);
        }
    }
}

/// Plays the whole program; what was to be seen.
pub(crate) fn play(program: &Program, tie: bool) -> Vec<String> {
    let mut model = Model::new(tie, 3);
    for op in &program.ops {
        let top = model.top;
        let entered = model.open[top] && !matches!(op, Op::Close(_));
        if entered {
            model.hold_reactor(top);
            model.enter(top);
        }
        crate::play::say(&mut model, format!("- {}", crate::play::brief(op)));
        crate::play::perform(&mut model, op);
        if entered {
            model.leave();
            model.drop_reactor(top);
        }
    }
    crate::play::finish(&mut model);
    crate::play::say(&mut model, "alive 0".into());
    std::mem::take(&mut model.tables.log)
}
