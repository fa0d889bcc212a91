//! Values that must not be printed.
//!
//! A [`Secret`] has no `Display`, no `Serialize` and a `Debug` that says nothing of its content, so it cannot reach
//! a log or an answer by accident; reading it is one named call, and its memory is wiped when it is dropped. Where
//! secrets come from outside, from the environment or a file, they are read here and nowhere else. It looks into no
//! text: secrets that were never wrapped are looked for by `leak`.

use std::{env, ffi::OsString, fmt, mem, path::Path};

use zeroize::Zeroize;

use crate::{
    file::{self, Privacy},
    policy::Problem,
};

/// A value that is not printed, not serialized, and wiped from memory when it is dropped.
///
/// Copies that were made before it was wrapped (a buffer that grew, a moved array) are out of its reach.
///
/// ```
/// use mocopr_security::redact::Secret;
///
/// let password = Secret::new(String::from("correct horse"));
/// assert_eq!(format!("{password:?}"), "Secret(..)");
/// assert_eq!(password.expose(), "correct horse");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the value, at a place where it is meant to be used.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Lends the value to whoever fills it. What grows beyond its capacity leaves a copy behind.
    pub(crate) fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize + From<String>> Secret<T> {
    /// The value of an environment variable.
    ///
    /// The process keeps it in its environment as well, which its user and what it starts can read; a file is better.
    ///
    /// # Errors
    /// A problem that names the variable where it is not set, is not UTF-8, or is blank.
    pub fn from_env(name: &str) -> Result<Self, Problem> {
        let value = env::var_os(name).ok_or_else(|| {
            Problem::new(format!("the environment variable {name} is not set"), "set it to the secret")
        })?;
        Self::from_variable(name, value)
    }

    /// The content of a file of at most 64 KiB, without the line break at its end.
    ///
    /// # Errors
    /// A problem that names the file where it cannot be read, belongs to somebody else than root or this process's
    /// user, is open to anybody beside its owner (`chmod 600`), is larger, is not UTF-8, or is blank.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Problem> {
        Self::from_path(path.as_ref(), Privacy::Owner)
    }

    /// As [`from_file`](Self::from_file), of a file that its group may read as well.
    ///
    /// For orchestrators that can mount a secret in no other way. Whoever is in that group can read the secret.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file), but for readers of the file's group.
    pub fn from_group_readable_file(path: impl AsRef<Path>) -> Result<Self, Problem> {
        Self::from_path(path.as_ref(), Privacy::Group)
    }

    /// The value of the environment variable `name`, or the content of the file that the variable `name` with `_FILE`
    /// behind it names.
    ///
    /// # Errors
    /// A problem that names the variables where none or both are set; else as [`from_env`](Self::from_env) and
    /// [`from_file`](Self::from_file).
    pub fn from_env_or_file(name: &str) -> Result<Self, Problem> {
        Self::from_settings(name, &|name| env::var_os(name))
    }

    fn from_settings(name: &str, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Problem> {
        let file = format!("{name}_FILE");
        match (variable(name), variable(&file)) {
            (Some(value), None) => Self::from_variable(name, value),
            (None, Some(path)) => Self::from_path(Path::new(&path), Privacy::Owner)
                .map_err(|problem| Problem::new(format!("{file}: {}", problem.what()), problem.mend())),
            (Some(_), Some(_)) => Err(Problem::new(
                format!("the environment variables {name} and {file} are both set"),
                "set one of them",
            )),
            (None, None) => Err(Problem::new(
                format!("neither of the environment variables {name} and {file} is set"),
                "set one of them to the secret or to the file that holds it",
            )),
        }
    }

    fn from_variable(name: &str, value: OsString) -> Result<Self, Problem> {
        let what = format!("the environment variable {name}");
        Self::from_bytes(&what, Secret::new(value.into_encoded_bytes()))
    }

    fn from_path(path: &Path, privacy: Privacy) -> Result<Self, Problem> {
        let mut content = file::read(path, privacy, FILE_BYTES)?;
        let end = [b"\r\n".as_slice(), b"\n"].into_iter().find_map(|end| content.0.strip_suffix(end)).map(<[u8]>::len);
        content.0.truncate(end.unwrap_or(usize::MAX));
        Self::from_bytes(&path.display().to_string(), content)
    }

    pub(crate) fn from_bytes(what: &str, mut bytes: Secret<Vec<u8>>) -> Result<Self, Problem> {
        let mut text = match String::from_utf8(mem::take(&mut bytes.0)) {
            Ok(text) => Secret(text),
            Err(error) => {
                bytes.0 = error.into_bytes();
                return Err(Problem::new(format!("{what} is not UTF-8"), "write the secret as text"));
            }
        };
        if text.0.trim().is_empty() {
            return Err(Problem::new(format!("{what} is blank"), "set it to the secret"));
        }
        Ok(Self(mem::take(&mut text.0).into()))
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// More than any key in PEM has.
const FILE_BYTES: usize = 64 * 1024;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "these tests write the files that are read")]
mod tests {
    use std::{
        cell::Cell,
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt,
        path::PathBuf,
        rc::Rc,
    };

    use tempfile::TempDir;

    use super::*;

    struct Probe(Rc<Cell<usize>>);

    impl Zeroize for Probe {
        fn zeroize(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_content() {
        assert_eq!(format!("{:?}", Secret::new([7_u8; 32])), "Secret(..)");
        assert_eq!(format!("{:?}", Some(Secret::new(String::from("hunter2")))), "Some(Secret(..))");
    }

    #[test]
    fn content_is_wiped_once_when_it_is_dropped() {
        let wiped = Rc::new(Cell::new(0));
        let secret = Secret::new(Probe(Rc::clone(&wiped)));
        assert_eq!(wiped.get(), 0);
        drop(secret);
        assert_eq!(wiped.get(), 1);
    }

    const CANARY: &str = "canary-7f3a";

    fn file(content: impl AsRef<[u8]>, mode: u32) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn from_settings(settings: &[(&str, &str)]) -> Result<Secret<String>, Problem> {
        let find = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        Secret::from_settings("KEY", &find)
    }

    /// S-05
    #[test]
    fn a_variable_is_read_and_a_missing_one_is_named() {
        let read = Secret::<String>::from_env("CARGO_PKG_NAME").unwrap();
        assert_eq!(read.expose(), "mocopr-security");
        assert_eq!(Secret::<Vec<u8>>::from_env("CARGO_PKG_NAME").unwrap().expose(), b"mocopr-security");
        let problem = Secret::<String>::from_env("MOCOPR_TEST_ABSENT").unwrap_err();
        assert_eq!(problem.to_string(), "the environment variable MOCOPR_TEST_ABSENT is not set: set it to the secret");
    }

    /// S-05
    #[test]
    fn one_of_a_variable_and_a_file_is_taken_and_both_or_none_is_a_problem() {
        let (_folder, path) = file(CANARY, 0o600);
        let path = path.to_str().unwrap();
        assert_eq!(from_settings(&[("KEY", CANARY)]).unwrap().expose(), CANARY);
        assert_eq!(from_settings(&[("KEY_FILE", path)]).unwrap().expose(), CANARY);
        for settings in
            [[].as_slice(), &[("KEY", CANARY), ("KEY_FILE", path)], &[("KEY", " ")], &[("KEY_FILE", "/absent")]]
        {
            let text = from_settings(settings).unwrap_err().to_string();
            assert!(text.contains("KEY") && !text.contains(CANARY), "{text}");
        }
    }

    #[test]
    fn one_line_break_at_the_end_of_a_file_is_not_part_of_the_secret() {
        for (content, secret) in [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\r", "a\r")] {
            let (_folder, path) = file(content, 0o600);
            assert_eq!(Secret::<String>::from_file(&path).unwrap().expose(), secret, "{content:?}");
        }
    }

    /// S-05
    #[test]
    fn a_file_that_is_blank_too_large_not_text_or_open_to_others_is_refused_with_its_path_alone() {
        let large = CANARY.repeat(FILE_BYTES / CANARY.len() + 1);
        let binary = [CANARY.as_bytes(), &[0xFF]].concat();
        let refused: [(&[u8], u32); 5] =
            [(b"", 0o600), (b" \n", 0o600), (large.as_bytes(), 0o600), (&binary, 0o600), (CANARY.as_bytes(), 0o640)];
        for (content, mode) in refused {
            let (_folder, path) = file(content, mode);
            let text = Secret::<String>::from_file(&path).unwrap_err().to_string();
            assert!(text.contains(path.to_str().unwrap()) && !text.contains("canary"), "{text}");
        }
        let (_folder, path) = file(CANARY, 0o640);
        assert_eq!(Secret::<String>::from_group_readable_file(&path).unwrap().expose(), CANARY);
        let (_folder, path) = file(CANARY, 0o644);
        assert!(Secret::<String>::from_group_readable_file(&path).is_err());
    }
}
