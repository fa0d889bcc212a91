//! Functions under the macros as definitions, by their number of parameters.
//!
//! A function is told by what it returns: the macros make it return a call that knows its definition. The type
//! `fn(A, B) -> R` only lets the compiler find the parameters.

use crate::{
    expand::{PromptCall, ResourceCall, ToolCall},
    registry::{
        prompt::{IntoPrompt, PromptDefinition},
        resource::{IntoResource, ResourceDefinition},
        tool::{IntoTool, Tool},
    },
};

/// One line for each number of parameters.
macro_rules! arities {
    ($(($($parameter:ident),*))*) => {$(
        impl<F, R, $($parameter),*> IntoTool<fn($($parameter),*) -> R> for F
        where
            F: Fn($($parameter),*) -> R,
            R: ToolCall,
        {
            fn into_tool(self) -> Tool {
                R::tool()
            }
        }

        impl<F, R, $($parameter),*> IntoPrompt<fn($($parameter),*) -> R> for F
        where
            F: Fn($($parameter),*) -> R,
            R: PromptCall,
        {
            fn into_prompt(self) -> PromptDefinition {
                R::prompt()
            }
        }

        impl<F, R, $($parameter),*> IntoResource<fn($($parameter),*) -> R> for F
        where
            F: Fn($($parameter),*) -> R,
            R: ResourceCall,
        {
            fn into_resource(self) -> ResourceDefinition {
                R::resource()
            }
        }
    )*};
}

arities! {
    ()
    (A)
    (A, B)
    (A, B, C)
    (A, B, C, D)
    (A, B, C, D, E)
    (A, B, C, D, E, G)
    (A, B, C, D, E, G, H)
    (A, B, C, D, E, G, H, I)
    (A, B, C, D, E, G, H, I, J)
    (A, B, C, D, E, G, H, I, J, K)
    (A, B, C, D, E, G, H, I, J, K, L)
    (A, B, C, D, E, G, H, I, J, K, L, M)
}
