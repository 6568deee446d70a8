//! Tokens of the host application.

use std::time::Duration;

/// How the tokens of the host application (RFC 7519) are verified, and what they say.
#[derive(Clone)]
#[non_exhaustive]
pub struct JwtConfig {
    /// The only algorithm that is accepted.
    pub algorithm: JwtAlgorithm,
    /// What they are verified by.
    pub keys: JwtKeys,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// What `aud` must have.
    pub audience: Option<String>,
    /// The claim with the id of the user, which never changes.
    pub id_claim: String,
    /// The claim with the name of the user; the id if there is none.
    pub name_claim: String,
    /// The claim with one or several of `user`, `staff` and `admin`. None: roles are given here, and
    /// tokens leave them as they are.
    pub role_claim: Option<String>,
    /// A token of an unknown key makes us fetch the published ones again, but not more often.
    pub look_at_most_every: Duration,
}

impl JwtConfig {
    /// Tokens with the usual claims, of any issuer and audience.
    pub fn new(algorithm: JwtAlgorithm, keys: JwtKeys) -> Self {
        Self {
            algorithm,
            keys,
            issuer: None,
            audience: None,
            id_claim: "sub".to_owned(),
            name_claim: "name".to_owned(),
            role_claim: None,
            look_at_most_every: Duration::from_secs(30),
        }
    }
}

/// Never shows the keys.
impl std::fmt::Debug for JwtConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JwtConfig")
            .field("algorithm", &self.algorithm)
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// What tokens are verified by.
#[derive(Clone)]
pub enum JwtKeys {
    /// A secret (HS256, 32 bytes at least), a public key (PEM), or a set of keys (JSON, RFC 7517).
    Bytes(Vec<u8>),
    /// Where the host application publishes its set of keys.
    Url(String),
}

/// How tokens are signed (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// By a secret that both sides know.
    Hs256,
    /// By RSA.
    Rs256,
    /// By ECDSA on P-256.
    Es256,
    /// By Ed25519.
    EdDsa,
}

impl std::str::FromStr for JwtAlgorithm {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "HS256" => Ok(Self::Hs256),
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err("the algorithm is HS256, RS256, ES256 or EdDSA".to_owned()),
        }
    }
}
