//! What client tasks and the world share: the run, the sockets of the clients, and the members' sides of them.
//!
//! Whoever touches it lets the world catch up with tokio's present first. So a client acts at its own present, never
//! before something that had already happened, whichever task the runtime polls first.

mod direct;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{future::poll_fn, io};

use regionfall::network::{BreakCause, End};
use regionfall::simulation::{SteppedRun, StreamEvent, StreamId};
use regionfall::topology::{MemberId, OperationId, ServerId};
use regionfall_kernel::{Seed, SimDuration, SimTime};
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use crate::books::{Line, Tag};
use crate::error::LaneError;
use crate::session::{Input, Session};
use crate::transcript::Transcript;

/// The most by which the client side sees things late: tokio's timers have this grain.
pub(crate) const GRAIN: SimDuration = SimDuration::from_millis(1);

/// How often code may turn to the world while no time passes.
const TOUCHES_MAX: u64 = 5_000_000;

/// What client tasks and the world share.
pub(crate) struct Hub {
    state: Mutex<State>,
    /// The world may have something to do sooner than the bridge thinks.
    pub(crate) changed: Notify,
    pub(crate) seed: Seed,
    began: Instant,
}

pub(crate) struct State {
    /// `None` once the run is over.
    pub(crate) run: Option<SteppedRun>,
    began: Instant,
    sockets: Vec<Socket>,
    sessions: Vec<Option<Session>>,
    /// When a booked operation without a scope counts as given up, in order of time.
    due: VecDeque<(SimTime, StreamId, u64)>,
    timeout: Option<SimDuration>,
    /// Sessions that want to be served at a moment, though nothing may arrive.
    waiting: BTreeMap<StreamId, SimTime>,
    bridge_sleeps_until: SimTime,
    /// By how much the client side was late at most.
    pub(crate) rounding: SimDuration,
    pub(crate) transcript: Transcript,
    /// Why the run comes to nothing.
    failure: Option<LaneError>,
    /// How often somebody turned to the world at a moment.
    touched: (SimTime, u64),
    seed: Seed,
}

/// The client's side of a stream.
struct Socket {
    line: Line,
    stage: Stage,
    /// Whether its requests travel as words.
    is_direct: bool,
    /// Of those, what there was no room for yet.
    unsent: usize,
    opener: Option<Waker>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Opening,
    Open,
    Broken(BreakCause),
    Closed,
}

impl Hub {
    pub(crate) fn new(
        run: SteppedRun,
        (timeout, seed): (Option<SimDuration>, Seed),
        transcript: Transcript,
    ) -> Self {
        let began = Instant::now();
        Self {
            state: Mutex::new(State {
                run: Some(run),
                began,
                sockets: Vec::new(),
                sessions: Vec::new(),
                due: VecDeque::new(),
                timeout,
                waiting: BTreeMap::new(),
                bridge_sleeps_until: SimTime::ZERO,
                rounding: SimDuration::ZERO,
                transcript,
                failure: None,
                touched: (SimTime::ZERO, 0),
                seed,
            }),
            changed: Notify::new(),
            seed,
            began,
        }
    }

    /// Tokio's present in the world's time.
    pub(crate) fn present(&self) -> SimTime {
        present_since(self.began)
    }

    /// Lets the world catch up; up to when, and `None` once the run is over.
    pub(crate) fn look(&self, seed: Seed) -> Result<Option<SimTime>, LaneError> {
        let state = self.lock();
        let Some(run) = &state.run else {
            return Ok(None);
        };
        if !run.is_within_budget() {
            let events = run.events();
            return Err(LaneError::OutOfBudget { events, seed });
        }
        Ok(Some(run.now()))
    }

    /// Takes the run for good: nothing can be asked of the world any more.
    pub(crate) fn take_run(&self) -> Option<SteppedRun> {
        let run = self.lock().run.take();
        self.changed.notify_one();
        run
    }

    /// The state, as of now.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A client task that panicked while it held the lock fails the run; until then the state is whole enough to end.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.catch_up();
        state
    }

    /// The same, to do something that the world may have to act on before it otherwise would.
    ///
    /// # Panics
    /// If code goes on and on at one moment and never lets go of its thread: nothing else ends it.
    fn act<T>(&self, action: impl FnOnce(&mut State, &mut SteppedRun) -> T) -> Option<T> {
        let mut state = self.lock();
        let touches = state.note_touch();
        if touches == TOUCHES_MAX {
            self.changed.notify_one();
        } else if touches > 2 * TOUCHES_MAX && !std::thread::panicking() {
            drop(state);
            panic!("this code turned to the world {touches} times while no time passed");
        }
        let mut run = state.run.take()?;
        let result = action(&mut state, &mut run);
        state.run = Some(run);
        // What the action made happen at once, such as a refusal without a way.
        state.catch_up();
        let next = state
            .run
            .as_mut()
            .map_or(SimTime::NEVER, SteppedRun::next_time);
        if next < state.bridge_sleeps_until {
            self.changed.notify_one();
        }
        Some(result)
    }

    /// Something with the run itself.
    pub(crate) fn with_run<T>(&self, action: impl FnOnce(&mut SteppedRun) -> T) -> Option<T> {
        self.act(|_, run| action(run))
    }

    /// The run comes to nothing.
    pub(crate) fn fail(&self, error: LaneError) {
        self.lock().failure.get_or_insert(error);
        self.changed.notify_one();
    }

    /// Why the run comes to nothing, if it does.
    pub(crate) fn failure(&self) -> Option<LaneError> {
        self.lock().failure.take()
    }

    /// Opens a stream; resolves when it is open, or broken.
    pub(crate) async fn open(
        &self,
        server: ServerId,
        member: MemberId,
        (is_booked, is_direct): (bool, bool),
    ) -> io::Result<StreamId> {
        let over = || io::Error::new(io::ErrorKind::ConnectionAborted, "the run is over");
        let id = self
            .act(|state, run| {
                let id = run.open(server, member);
                state.sockets.push(Socket {
                    line: Line::new(server, member, is_booked),
                    stage: Stage::Opening,
                    is_direct,
                    unsent: 0,
                    opener: None,
                    reader: None,
                    writer: None,
                });
                let input = if is_direct {
                    Input::words()
                } else {
                    Input::bytes()
                };
                state.sessions.push(Some(Session::new(id, input)));
                id
            })
            .ok_or_else(over)?;
        // Whoever gives up waiting closes the socket.
        let guard = Unopened { hub: self, id };
        let opened = poll_fn(|context| {
            let mut state = self.lock();
            let socket = state.socket(id);
            match socket.stage {
                Stage::Opening => {
                    socket.opener = Some(context.waker().clone());
                    Poll::Pending
                }
                Stage::Open => Poll::Ready(Ok(())),
                Stage::Broken(cause) => Poll::Ready(Err(error_of(cause, true))),
                Stage::Closed => Poll::Ready(Err(over())),
            }
        })
        .await;
        if opened.is_ok() {
            std::mem::forget(guard);
        }
        opened.map(|()| id)
    }

    pub(crate) fn poll_read(
        &self,
        id: StreamId,
        context: &mut Context<'_>,
        most: usize,
    ) -> Poll<io::Result<Vec<u8>>> {
        let read = self.act(|state, run| {
            let taken = run.take(id, End::Client, most);
            let at = run.now();
            state.transcript.note(at, id, End::Server, &taken.bytes);
            let socket = state.socket(id);
            if !taken.bytes.is_empty() {
                socket.line.took(run, taken.bytes.len());
                state.serve(run, id);
                return Poll::Ready(Ok(taken.bytes));
            }
            match socket.stage {
                // A server that closes its end says so in order.
                Stage::Broken(BreakCause::Closed) => {
                    socket.line.broke(run);
                    Poll::Ready(Ok(Vec::new()))
                }
                Stage::Broken(cause) => Poll::Ready(Err(error_of(cause, false))),
                _ if taken.is_over => Poll::Ready(Ok(Vec::new())),
                _ => {
                    socket.reader = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        });
        // A run that is over answers nobody.
        read.unwrap_or(Poll::Pending)
    }

    pub(crate) fn poll_write(
        &self,
        id: StreamId,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.act(|state, run| {
            let now = run.now();
            let room = run.room(id, End::Client);
            let timeout = state.timeout;
            let socket = state.socket(id);
            match socket.stage {
                Stage::Open => {}
                Stage::Broken(BreakCause::Reset | BreakCause::Closed) | Stage::Closed => {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
                Stage::Broken(cause) => return Poll::Ready(Err(error_of(cause, false))),
                Stage::Opening => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            }
            if room == 0 && !bytes.is_empty() {
                socket.writer = Some(context.waker().clone());
                return Poll::Pending;
            }
            let bytes = &bytes[..bytes.len().min(room)];
            let (requests, draw) = socket.line.wrote(run, bytes);
            if let Some(timeout) = timeout {
                let due = requests.map(|number| (now + timeout, id, number));
                state.due.extend(due);
            }
            state.transcript.note(now, id, End::Client, bytes);
            Poll::Ready(Ok(run.write(id, End::Client, bytes, draw)))
        });
        written.unwrap_or(Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())))
    }

    /// The client writes no more.
    pub(crate) fn finish_writing(&self, id: StreamId) {
        self.act(|_, run| run.finish_writing(id, End::Client));
    }

    /// The client closes its socket.
    pub(crate) fn close(&self, id: StreamId) {
        self.act(|state, run| {
            let socket = state.socket(id);
            if socket.stage == Stage::Closed {
                return;
            }
            socket.stage = Stage::Closed;
            socket.line.broke(run);
            run.close(id, End::Client);
        });
    }

    pub(crate) fn announce(&self, id: StreamId, tag: Tag) {
        self.lock().socket(id).line.announce(tag);
    }

    /// Takes back what was announced; whether it had not left.
    pub(crate) fn take_back(&self, id: StreamId, operation: OperationId, attempt: u8) -> bool {
        self.lock().socket(id).line.take_back(operation, attempt)
    }

    /// When the bridge must look again, at `bound` at the latest, as tokio counts time.
    pub(crate) fn sleep_until(&self, bound: SimTime) -> Instant {
        let mut state = self.lock();
        let Some(mut run) = state.run.take() else {
            return state.began;
        };
        let mut next = run.next_time().min(bound);
        state.run = Some(run);
        if let Some(&(due, ..)) = state.due.front() {
            next = next.min(due);
        }
        next = state.waiting.values().fold(next, |next, &at| next.min(at));
        state.bridge_sleeps_until = next;
        let millis = next.as_nanos().div_ceil(GRAIN.as_nanos());
        state.began + Duration::from_millis(millis)
    }
}

/// A socket that nobody waits for any more is closed.
struct Unopened<'a> {
    hub: &'a Hub,
    id: StreamId,
}

impl Drop for Unopened<'_> {
    fn drop(&mut self) {
        self.hub.close(self.id);
    }
}

impl State {
    fn socket(&mut self, id: StreamId) -> &mut Socket {
        &mut self.sockets[id.0 as usize]
    }

    /// Tokio's present in the world's time.
    pub(crate) fn present(&self) -> SimTime {
        present_since(self.began)
    }

    /// Lets the world do what it had to do until now.
    fn catch_up(&mut self) {
        let present = self.present();
        let Some(mut run) = self.run.take() else {
            return;
        };
        while let Some(event) = run.advance(present) {
            self.heed(&mut run, present, event);
        }
        while let Some(&(due, id, number)) = self.due.front()
            && due <= present
        {
            self.due.pop_front();
            self.socket(id).line.time_out(&mut run, number);
        }
        let waiting: Vec<StreamId> = self.waiting.keys().copied().collect();
        for id in waiting {
            self.serve(&mut run, id);
        }
        self.run = Some(run);
    }

    fn heed(&mut self, run: &mut SteppedRun, present: SimTime, event: StreamEvent) {
        let late = present.saturating_since(run.now());
        match event {
            StreamEvent::Opened(id) => {
                self.rounding = self.rounding.max(late);
                let socket = self.socket(id);
                if socket.stage == Stage::Opening {
                    socket.stage = Stage::Open;
                }
                wake(&mut socket.opener);
            }
            StreamEvent::Readable(id, End::Client) => {
                self.rounding = self.rounding.max(late);
                if self.socket(id).is_direct {
                    self.take_answers(run, id);
                } else {
                    wake(&mut self.socket(id).reader);
                }
            }
            StreamEvent::Readable(id, End::Server) | StreamEvent::Answered(id) => {
                self.serve(run, id);
            }
            StreamEvent::Broken(id, End::Client, cause) => {
                self.rounding = self.rounding.max(late);
                let socket = self.socket(id);
                if socket.stage != Stage::Closed {
                    socket.stage = Stage::Broken(cause);
                }
                wake(&mut socket.opener);
                wake(&mut socket.reader);
                wake(&mut socket.writer);
                if cause != BreakCause::Closed || socket.is_direct {
                    socket.line.broke(run);
                }
            }
            StreamEvent::Broken(id, End::Server, _) => {
                self.sessions[id.0 as usize] = None;
                self.waiting.remove(&id);
                run.close(id, End::Server);
            }
            StreamEvent::Message(_) => self.spread_messages(run),
        }
    }

    /// The member's side of a stream reads what has arrived.
    fn serve(&mut self, run: &mut SteppedRun, id: StreamId) {
        let place = id.0 as usize;
        let Some(mut session) = self.sessions[place].take() else {
            return;
        };
        // A process that died knows nothing of its connections.
        if !run.is_served(id) {
            self.waiting.remove(&id);
            return;
        }
        let socket = &mut self.sockets[place];
        session.serve(run, &mut socket.line, &self.sessions);
        wake(&mut socket.writer);
        self.send_unsent(run, id, None);
        match session.wakes_at() {
            Some(at) => drop(self.waiting.insert(id, at)),
            None => drop(self.waiting.remove(&id)),
        }
        // One that has closed has nothing more to do.
        if run.is_served(id) {
            self.sessions[place] = Some(session);
        }
    }

    /// Notes that somebody turned to the world; how often that happened at this moment.
    fn note_touch(&mut self) -> u64 {
        let present = self.present();
        if self.touched.0 != present {
            self.touched = (present, 0);
        }
        self.touched.1 += 1;
        if self.touched.1 == TOUCHES_MAX {
            self.failure.get_or_insert(LaneError::Busy {
                touches: TOUCHES_MAX,
                at_s: present.since_start().as_secs_f64(),
                seed: self.seed,
            });
        }
        self.touched.1
    }

    fn spread_messages(&mut self, run: &mut SteppedRun) {
        for (node, channel, payload) in run.messages() {
            for place in 0..self.sessions.len() {
                let Some(session) = &mut self.sessions[place] else {
                    continue;
                };
                let id = StreamId(place as u32);
                if run.node(id) == Some(node) && run.is_served(id) {
                    let line = &mut self.sockets[place].line;
                    session.hear(run, line, &channel, &payload);
                }
            }
        }
    }
}

fn present_since(began: Instant) -> SimTime {
    let since = Instant::now() - began;
    SimTime::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn error_of(cause: BreakCause, is_opening: bool) -> io::Error {
    match cause {
        BreakCause::Refused => io::ErrorKind::ConnectionRefused,
        BreakCause::ConnectGaveUp | BreakCause::TimedOut => io::ErrorKind::TimedOut,
        BreakCause::Reset | BreakCause::Closed if is_opening => io::ErrorKind::ConnectionRefused,
        BreakCause::Reset => io::ErrorKind::ConnectionReset,
        BreakCause::Closed => io::ErrorKind::UnexpectedEof,
    }
    .into()
}
