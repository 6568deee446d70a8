//! How often somebody may try to get in, and how many sessions one client may open.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use super::Client;
use crate::config::Rates;
use crate::error::Error;
use crate::throttle::Throttle;

/// A burst is what comes together in so many minutes of the rate.
const BURST_MINUTES: u32 = 10;
/// An account may be tried from so many addresses as often as one of them may try any.
const ADDRESSES: u32 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// The limits of an instance.
#[derive(Debug)]
pub(super) struct Attempts {
    log_ins: Throttle<IpAddr>,
    /// On one account from one address: a stranger elsewhere does not keep its user out.
    accounts: Throttle<(String, Option<IpAddr>)>,
    /// On one account from wherever, which is for guesses that come from many addresses.
    guesses: Throttle<String>,
    sessions: Throttle<IpAddr>,
}

impl Attempts {
    pub(super) fn new(rates: &Rates) -> Self {
        let burst = |rate: NonZeroU32| {
            rate.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_MINUTES - 1))
        };
        Self {
            log_ins: Throttle::new(MINUTE / rates.log_ins.get(), rates.log_ins),
            accounts: Throttle::new(2 * MINUTE / rates.log_ins.get(), rates.log_ins),
            guesses: Throttle::new(
                MINUTE / rates.log_ins.get() / ADDRESSES,
                rates.log_ins.saturating_mul(NonZeroU32::MIN.saturating_add(ADDRESSES - 1)),
            ),
            sessions: Throttle::new(MINUTE / rates.sessions.get(), burst(rates.sessions)),
        }
    }

    /// Counts an attempt to log in, whatever comes of it: before the password is looked at, so that
    /// the answer tells nothing of it.
    pub(super) fn log_in(&self, client: &Client, username: &str) -> Result<(), Error> {
        if let Some(network) = client.network {
            self.log_ins.admit(network).map_err(Error::RateLimited)?;
        }
        let account: String = username.trim().chars().take(150).collect();
        let from_there = (account.clone(), client.network);
        self.accounts.admit(from_there).map_err(Error::RateLimited)?;
        self.guesses.admit(account).map_err(Error::RateLimited)?;
        Ok(())
    }

    /// Counts a new session.
    pub(super) fn session(&self, client: &Client) -> Result<(), Error> {
        if let Some(network) = client.network {
            self.sessions.admit(network).map_err(Error::RateLimited)?;
        }
        Ok(())
    }
}
