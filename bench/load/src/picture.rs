//! Results as a picture: a panel of bars for each of a few rows, as SVG that reads well on light and on dark ground.

use std::fmt::Write;

use crate::{
    contestant::{self, EVIDENCE, MOCOPR, STRICT},
    results::{Results, Row},
    table::text,
};

/// The picture, or nothing where none of its rows was measured.
pub fn svg(results: &Results) -> Option<String> {
    let rows = PANELS.iter().filter_map(|(key, hint)| Some((results.row(key)?, *hint)));
    let (mut body, mut top) = (String::new(), MARGIN);
    for (row, hint) in rows {
        top = panel(&mut body, row, hint, top) + MARGIN;
    }
    if body.is_empty() {
        return None;
    }
    let foot = format!("{}, {}", results.date, results.machine);
    // Writing to a string does not fail.
    let _ = writeln!(body, r#"<text class="hint" x="{MARGIN}" y="{top}">{}</text>"#, escaped(&foot));
    let height = top + MARGIN;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\">\n<title>mocopr and other servers of the Model Context Protocol, measured</title>\n{STYLE}\n\
         {body}</svg>\n"
    ))
}

/// Adds the bars of one row below `top`, and answers where they end.
fn panel(body: &mut String, row: &Row, hint: &str, top: u32) -> u32 {
    let longest = row.cells.values().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut y = top + 12;
    let _ = writeln!(
        body,
        r#"<text class="title" x="{MARGIN}" y="{y}">{}<tspan class="hint" dx="8">{}</tspan></text>"#,
        escaped(&row.title),
        escaped(hint)
    );
    y += 10;
    for who in contestant::ALL {
        let Some(number) = row.cells.get(who.name) else { continue };
        let length = (number / longest * f64::from(BAR)).max(1.0);
        let class = if [MOCOPR, STRICT, EVIDENCE].contains(&who.name) { "own" } else { "other" };
        let (text_y, number_x) = (y + 12, f64::from(LABELS) + length + 6.0);
        let _ = writeln!(
            body,
            r#"<text class="name" x="{}" y="{text_y}">{}</text><rect class="{class}" x="{LABELS}" y="{}" width="{length:.1}" height="12" rx="2"/><text x="{number_x:.1}" y="{text_y}">{}</text>"#,
            LABELS - 8,
            escaped(who.name),
            y + 2,
            text(row.unit, *number)
        );
        y += LINE;
    }
    y
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// Which rows are drawn, and how they are read.
const PANELS: [(&str, &str); 4] = [
    ("per-second", "longer is better"),
    ("instructions-2026", "shorter is better"),
    ("list-cpu", "shorter is better"),
    ("session", "shorter is better"),
];
const WIDTH: u32 = 720;
const MARGIN: u32 = 18;
/// Where bars begin; names end before it.
const LABELS: u32 = 130;
/// The longest bar.
const BAR: u32 = 480;
const LINE: u32 = 18;
/// Mid-grey text and colours that stand out from both grounds; the picture itself has no ground.
const STYLE: &str = "<style>\
    text{font:12px system-ui,sans-serif;fill:#3d444d}\
    .title{font-weight:600}.hint{font-weight:400;fill:#6e7781}.name{text-anchor:end}\
    .own{fill:#cf5b14}.other{fill:#8c959f}\
    @media(prefers-color-scheme:dark){text{fill:#d1d7e0}.hint{fill:#9198a1}.own{fill:#f0883e}.other{fill:#656c76}}\
    </style>";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::results::Unit;

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let cells = BTreeMap::from([(MOCOPR.to_owned(), 50.0), ("axum".to_owned(), 100.0)]);
        let row = Row {
            key: "per-second".to_owned(),
            title: "calls & answers".to_owned(),
            unit: Unit::Count,
            cells,
            must: None,
            stretch: None,
        };
        let drawn = svg(&Results { rows: vec![row], ..Results::default() }).unwrap();
        assert!(drawn.contains(r#"class="own" x="130" y="42" width="240.0""#), "{drawn}");
        assert!(drawn.contains(r#"class="other" x="130" y="60" width="480.0""#), "{drawn}");
        assert!(drawn.contains("calls &amp; answers"), "{drawn}");
    }

    #[test]
    fn nothing_measured_is_no_picture() {
        assert_eq!(svg(&Results::default()), None);
    }
}
