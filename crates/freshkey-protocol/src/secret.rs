//! A value that must not turn up in logs, error texts or core dumps of dropped memory.
//! It protects against accidents in our own code; it does not lock memory or hide the value from a debugger.

use zeroize::Zeroize;

/// Wraps a secret: it can't be printed, compares in constant time, and is overwritten when dropped.
///
/// There is no `Debug` and no `Display`, so a struct that holds one can't print it by accident:
///
/// ```compile_fail
/// let secret = freshkey_protocol::Secret::new(String::from("s3cr3t"));
/// println!("{secret:?}");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes the value over. Copies that the caller made before are the caller's to erase.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The one way to the value; a search for this word finds every use of a secret.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Changes the value in place.
    pub fn with_mut<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.0)
    }
}

impl<T: Zeroize + AsRef<[u8]>> Secret<T> {
    /// Compares in a time that depends on the lengths only. That the lengths differ can be told from the time.
    #[must_use]
    pub fn equals(&self, other: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_ref(), other).is_ok()
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other.0.as_ref())
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;
    use std::cell::Cell;
    use std::rc::Rc;
    use zeroize::Zeroize;

    struct Witness(Rc<Cell<bool>>);

    impl Zeroize for Witness {
        fn zeroize(&mut self) {
            self.0.set(true);
        }
    }

    #[test]
    fn secrets_compare_by_content() {
        let secret = Secret::new(String::from("password"));
        assert!(secret.equals(b"password"));
        for other in ["", "passwor", "passwore", "password1"] {
            assert!(!secret.equals(other.as_bytes()), "{other}");
        }
        assert!(secret == secret.clone());
    }

    #[test]
    fn dropped_secret_is_erased() {
        let erased = Rc::new(Cell::new(false));
        let secret = Secret::new(Witness(Rc::clone(&erased)));
        assert!(!erased.get());
        drop(secret);
        assert!(erased.get());
    }
}
