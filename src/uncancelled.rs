//! Work that goes on when nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// What [`uncancelled`] makes. None: it is done.
pub(crate) struct Uncancelled<F>(Option<Pin<Box<F>>>)
where
    F: Future<Output: Send> + Send + 'static;

/// Lets some work run to its end, as a task of its own if it is dropped half way: so it is when a client
/// hangs up, or when it takes too long.
pub(crate) fn uncancelled<F>(work: F) -> Uncancelled<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    Uncancelled(Some(Box::pin(work)))
}

impl<F> Future for Uncancelled<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // Polled again when it is done, it never ends. What panics is not kept either.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F> Drop for Uncancelled<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    fn drop(&mut self) {
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
