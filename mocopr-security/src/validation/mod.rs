//! How input is judged before a handler sees it, in the words of an owner.

pub mod input;
pub mod json;
pub mod uri;

pub use self::{
    input::{InputValidation, InputValidationPolicy},
    json::{JsonSchemaValidator, JsonSchemaValidatorBuilder, UnknownMembers},
};
