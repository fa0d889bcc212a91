//! Methods of one value as tools, prompts, resources and completions; also of a generic type.

use std::{fmt::Display, sync::Arc};

use mocopr::{Handlers, prelude::*};

pub struct Weather<D> {
    service: D,
}

#[mocopr::data]
pub struct Report {
    city: String,
}

#[handlers]
impl<D: Display + Send + Sync + 'static> Weather<D> {
    pub fn new(service: D) -> Self {
        Self { service }
    }

    /// Forecast for one city.
    #[tool(read_only)]
    async fn forecast(&self, ctx: &Context, city: String, days: u8) -> Result<Json<Report>, Failure> {
        let _ = ctx.caller();
        Ok(Json(Report { city: format!("{city} {days} {}", self.service) }))
    }

    #[tool]
    fn clone(&self) -> &str {
        "called as a method of this type, not of Arc"
    }

    #[tool]
    async fn version() -> &'static str {
        "1"
    }

    #[resource("weather://{city}/{day}{?unit}", mime = "application/json")]
    async fn report(&self, city: &str, day: u32, unit: Option<String>) -> Json<Report> {
        Json(Report { city: format!("{city} {day} {unit:?}") })
    }

    #[completion(resource = "weather://{city}/{day}{?unit}", argument = "city")]
    async fn cities(&self, typed: &str, unit: Option<&str>) -> Vec<String> {
        vec![format!("{typed} {unit:?}")]
    }

    #[prompt]
    async fn explain(&self, city: String, tone: Option<&str>) -> Prompt {
        Prompt::new().user(format!("Explain the weather of {city}, {tone:?}."))
    }

    #[completion(prompt = "explain", argument = "city")]
    fn prompt_cities(&self, typed: String) -> Result<Vec<String>, Failure> {
        Ok(vec![typed])
    }
}

fn main() {
    let definitions = Arc::new(Weather::new(1)).definitions();
    assert_eq!(definitions.tools.len(), 3);
    assert_eq!(definitions.prompts.len(), 1);
    assert_eq!(definitions.resources.len(), 1);
}
