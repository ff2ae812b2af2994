//! Tasks of client code that are looked after: whether they panic, and whether they go on while no time passes.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use regionfall_kernel::SimTime;

use crate::app_server::AppServer;
use crate::error::LaneError;
use crate::hub::Hub;

/// How often code may be polled while no time passes.
const POLLS_MAX: u64 = 1_000_000;

/// Counts how often something is polled at one moment.
pub(crate) struct Polls {
    hub: Arc<Hub>,
    at: SimTime,
    count: u64,
}

impl Polls {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self {
            hub,
            at: SimTime::ZERO,
            count: 0,
        }
    }

    /// Another poll; how many there were, if they are too many.
    fn too_many(&mut self) -> Option<u64> {
        let present = self.hub.present();
        if present != self.at {
            self.at = present;
            self.count = 0;
        }
        self.count += 1;
        (self.count > POLLS_MAX).then_some(self.count)
    }
}

/// The code of an app server.
pub(crate) struct Watched<F> {
    code: Pin<Box<F>>,
    polls: Polls,
}

/// How code ended that did not panic.
pub(crate) enum Ended {
    Returned,
    Spins(u64),
}

impl<F> Watched<F> {
    pub(crate) fn new(code: F, hub: Arc<Hub>) -> Self {
        Self {
            code: Box::pin(code),
            polls: Polls::new(hub),
        }
    }
}

impl<F: Future<Output = ()>> Future for Watched<F> {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        if let Some(polls) = self.polls.too_many() {
            return Poll::Ready(Ended::Spins(polls));
        }
        self.code.as_mut().poll(context).map(|()| Ended::Returned)
    }
}

/// A task that the code of an app server spawned to be looked after.
pub(crate) struct Guarded<F> {
    code: Pin<Box<F>>,
    server: AppServer,
    polls: Polls,
}

impl<F> Guarded<F> {
    pub(crate) fn new(code: F, server: AppServer) -> Self {
        Self {
            code: Box::pin(code),
            polls: Polls::new(server.hub.clone()),
            server,
        }
    }
}

impl<F: Future<Output = ()>> Future for Guarded<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (hub, server) = (self.server.hub.clone(), self.server.id());
        let at_s = hub.present().since_start().as_secs_f64();
        let seed = hub.seed;
        if let Some(polls) = self.polls.too_many() {
            hub.fail(LaneError::Spins {
                server,
                polls,
                at_s,
                seed,
            });
            return Poll::Ready(());
        }
        match catch_unwind(AssertUnwindSafe(|| self.code.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(payload) => {
                hub.fail(LaneError::Panicked {
                    server,
                    at_s,
                    seed,
                    message: message_of(&*payload),
                });
                resume_unwind(payload)
            }
        }
    }
}

/// What a panic said.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(no text)".to_owned())
}
