//! How input is judged before a handler sees it, in the words of an owner.

pub mod json;
pub mod uri;

pub use self::json::{JsonSchemaValidator, JsonSchemaValidatorBuilder};
