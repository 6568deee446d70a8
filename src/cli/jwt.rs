//! Settings of the tokens that the host application issues.

use std::path::PathBuf;

use clap::Args;

use super::Result;
use crate::config::{JwtAlgorithm, JwtConfig, JwtKeys};

/// Tokens (JWT) of the host application; none are accepted without a key.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Jwt {
    /// How they are signed: HS256, RS256, ES256 or EdDSA
    #[arg(long, env = "DJAFFAR_JWT_ALGORITHM", default_value = "HS256")]
    jwt_algorithm: JwtAlgorithm,
    /// A file with the secret (HS256), the public key (PEM) or a set of keys (JSON)
    #[arg(long, env = "DJAFFAR_JWT_KEY_FILE")]
    jwt_key_file: Option<PathBuf>,
    /// Where the host application publishes its set of keys
    #[arg(long, env = "DJAFFAR_JWT_JWKS_URL", conflicts_with = "jwt_key_file")]
    jwt_jwks_url: Option<String>,
    /// What `iss` must be
    #[arg(long, env = "DJAFFAR_JWT_ISSUER")]
    jwt_issuer: Option<String>,
    /// What `aud` must have
    #[arg(long, env = "DJAFFAR_JWT_AUDIENCE")]
    jwt_audience: Option<String>,
    /// The claim with the id of the user
    #[arg(long, env = "DJAFFAR_JWT_ID_CLAIM", default_value = "sub")]
    jwt_id_claim: String,
    /// The claim with the name of the user
    #[arg(long, env = "DJAFFAR_JWT_NAME_CLAIM", default_value = "name")]
    jwt_name_claim: String,
    /// The claim with their roles (user, staff, admin), if tokens are to give any
    #[arg(long, env = "DJAFFAR_JWT_ROLE_CLAIM")]
    jwt_role_claim: Option<String>,
}

impl Jwt {
    /// None: there is no key.
    pub(super) fn config(&self) -> Result<Option<JwtConfig>> {
        let keys = match (&self.jwt_jwks_url, &self.jwt_key_file) {
            (Some(url), _) => JwtKeys::Url(url.clone()),
            (None, Some(path)) => {
                let bytes = std::fs::read(path);
                let bytes = bytes.map_err(|error| format!("{}: {error}", path.display()))?;
                JwtKeys::Bytes(bytes.trim_ascii_end().to_vec())
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(JwtConfig {
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            id_claim: self.jwt_id_claim.clone(),
            name_claim: self.jwt_name_claim.clone(),
            role_claim: self.jwt_role_claim.clone(),
            ..JwtConfig::new(self.jwt_algorithm, keys)
        }))
    }
}
