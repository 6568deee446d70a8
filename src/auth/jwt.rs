//! Tokens that the host application issues (RFC 7519), verified here and looked up nowhere.
//!
//! One algorithm is agreed on, whatever a token says of itself (RFC 8725, section 3.1).

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use moka::future::Cache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::keys::Keys;
use super::{Identity, Role};
use crate::config::JwtConfig;
use crate::error::Error;

/// A verified token is not verified again for so long, if it doesn't expire before.
const CACHE_TIME: Duration = Duration::from_secs(60);
const CACHED: u64 = 10_000;
/// Longest token, in bytes.
const MAX_TOKEN: usize = 8 << 10;

/// Verifies tokens.
#[derive(Debug)]
pub(super) struct Jwt {
    config: JwtConfig,
    keys: Keys,
    validation: Validation,
    verified: Cache<[u8; 32], (Identity, DateTime<Utc>)>,
}

impl Jwt {
    /// # Errors
    ///
    /// If the keys are none.
    pub(super) fn new(config: JwtConfig) -> Result<Self, Error> {
        let algorithm = Algorithm::from(config.algorithm);
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if let Some(issuer) = &config.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match &config.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        let keys = Keys::new(&config)?;
        let verified = Cache::builder().max_capacity(CACHED).time_to_live(CACHE_TIME).build();
        Ok(Self { config, keys, validation, verified })
    }

    /// Who a token says its bearer is.
    ///
    /// # Errors
    ///
    /// [`Error::Unauthenticated`] if it is not valid: of another issuer, for another audience,
    /// expired, not valid yet, with another algorithm, or by an unknown key.
    pub(super) async fn verify(&self, token: &str) -> Result<Identity, Error> {
        if token.len() > MAX_TOKEN {
            return Err(INVALID);
        }
        let hash = <[u8; 32]>::from(Sha256::digest(token));
        if let Some((identity, expires_at)) = self.verified.get(&hash).await
            && expires_at > Utc::now()
        {
            return Ok(identity);
        }
        let header = decode_header(token).map_err(|_| INVALID)?;
        if header.alg != Algorithm::from(self.config.algorithm) {
            return Err(INVALID);
        }
        let key = self.keys.find(header.kid.as_deref()).await?.ok_or(INVALID)?;
        let claims = decode::<Map<String, Value>>(token, &key, &self.validation);
        let claims = claims.map_err(|cause| {
            tracing::debug!(error.cause = %cause, "a token is not valid");
            INVALID
        })?;
        let claims = claims.claims;
        let identity = self.identity(&claims).ok_or(INVALID)?;
        let expires_at = claims.get("exp").and_then(Value::as_f64).unwrap_or_default();
        if let Some(expires_at) = DateTime::from_timestamp(expires_at as i64, 0) {
            self.verified.insert(hash, (identity.clone(), expires_at)).await;
        }
        Ok(identity)
    }

    /// None: it does not say who it is.
    fn identity(&self, claims: &Map<String, Value>) -> Option<Identity> {
        let id = match claims.get(&self.config.id_claim)? {
            Value::String(id) if !id.trim().is_empty() => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        let name = claims.get(&self.config.name_claim).and_then(Value::as_str);
        let name = name.filter(|name| !name.trim().is_empty()).unwrap_or(&id).to_owned();
        let role = self.config.role_claim.as_ref().map(|claim| role(claims.get(claim)));
        Some(Identity { role, ..Identity::new(id, name) })
    }
}

/// The highest of the roles that are named; names that are not ours count for nothing.
fn role(claim: Option<&Value>) -> Role {
    let names = match claim {
        Some(Value::Array(names)) => names.as_slice(),
        Some(name) => std::slice::from_ref(name),
        None => &[],
    };
    let roles = names.iter().filter_map(|name| name.as_str()?.parse().ok());
    roles.max().unwrap_or_default()
}

const INVALID: Error = Error::Unauthenticated("Invalid token.");
