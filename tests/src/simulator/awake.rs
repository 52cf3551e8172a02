//! The parts of one process in one future, each polled only when something woke it.

use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Says that a part is to be polled, and wakes the whole.
struct Bell {
    rung: AtomicBool,
    whole: Arc<AtomicWaker>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.whole.wake();
    }
}

struct Part<'a> {
    bell: Arc<Bell>,
    waker: Waker,
    future: Option<BoxFuture<'a, ()>>,
}

/// Runs all of them until each has ended. Always in the same order, so that a seed tells the same story again.
pub async fn together(parts: impl IntoIterator<Item = BoxFuture<'_, ()>>) {
    let whole = Arc::new(AtomicWaker::new());
    let mut parts: Vec<Part<'_>> = parts
        .into_iter()
        .map(|future| {
            let bell = Arc::new(Bell { rung: AtomicBool::new(true), whole: whole.clone() });
            Part { waker: bell.clone().into(), bell, future: Some(future) }
        })
        .collect();
    std::future::poll_fn(|cx| {
        whole.register(cx.waker());
        let mut all = Poll::Ready(());
        for part in &mut parts {
            let Some(future) = &mut part.future else { continue };
            if part.bell.rung.swap(false, Ordering::AcqRel) && future.as_mut().poll(&mut Context::from_waker(&part.waker)).is_ready() {
                part.future = None;
            } else {
                all = Poll::Pending;
            }
        }
        all
    })
    .await;
}
