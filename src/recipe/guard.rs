//! What must be as it was for a recipe to make the same files: the program, the weights, and in the end the files.

use std::collections::BTreeMap;

use crate::exit::{Exit, Failure, Result};

use super::Recipe;

/// Names that are told of files that differ.
const MAX_NAMED: usize = 5;

impl Recipe {
    /// Checks that this program makes what the recipe's program made.
    ///
    /// # Errors
    /// A usage error (exit code 2) when the versions are not compatible.
    pub fn check_version(&self) -> Result<()> {
        let own = crate::VERSION;
        match &self.version {
            Some(version) if line_of(version) != line_of(own) => Err(Failure::usage(format!(
                "the recipe is of rangrez {version}, this is {own}: another generation makes other pixels; install {version}, \
                 or take out `version` to accept that"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks that the weights are those of the recipe. `found` are the checksums of the weights' files by name.
    ///
    /// # Errors
    /// A weights failure (exit code 4) naming the first file that differs.
    pub fn check_weights(&self, found: &BTreeMap<String, String>) -> Result<()> {
        for (file, expected) in &self.weights {
            let is = match found.get(file) {
                Some(sum) if sum.eq_ignore_ascii_case(expected) => continue,
                Some(sum) => format!("has sha256 {sum}, the recipe says {expected}"),
                None => "is not among this program's weights".to_owned(),
            };
            return Err(Failure::new(
                Exit::Weights,
                format!("weights of the recipe: {file} {is}; name the folder with the recipe's weights with --weights"),
            ));
        }
        Ok(())
    }

    /// Compares the files made with those that the recipe names.
    ///
    /// # Errors
    /// An input failure (exit code 3) naming files that differ or were not made.
    pub fn check_outputs(&self, made: &BTreeMap<String, String>) -> Result<()> {
        let differ: Vec<&str> = self
            .outputs
            .iter()
            .filter(|&(name, sum)| made.get(name) != Some(sum))
            .map(|(name, _)| name.as_str())
            .collect();
        if differ.is_empty() {
            return Ok(());
        }
        let named = differ.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = differ.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Err(Failure::input(format!(
            "not what the recipe made, though inputs and weights are equal: {named}{more}; the processor or libtorch \
             rounds otherwise, another encoder writes AVIF, or the recipe was edited"
        )))
    }
}

/// The part of a version that is equal between compatible ones: `1` of 1.4.2, `0.3` of 0.3.1.
fn line_of(version: &str) -> Vec<&str> {
    let mut parts = version.split(['.', '-', '+']);
    let major = parts.next().unwrap_or_default();
    if major == "0" { vec![major, parts.next().unwrap_or_default()] } else { vec![major] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compatible_versions_share_their_line() {
        assert_eq!(line_of("0.1.7"), line_of("0.1.0"));
        assert_ne!(line_of("0.2.0"), line_of("0.1.0"));
        assert_eq!(line_of("2.5.0-beta"), line_of("2.0.1"));
        let mut recipe = Recipe::parse("version = '99.0.0'\n[[region]]\nto = ['red']").unwrap();
        assert_eq!(recipe.check_version().unwrap_err().exit.code(), 2);
        recipe.version = None;
        recipe.check_version().unwrap();
    }

    #[test]
    fn what_differs_is_named() {
        let text = "[[region]]\nto = ['red']\n[weights]\n'a.bin' = 'AA'\n[output]\n'x.jpg' = '01'\n'y.jpg' = '02'\n";
        let recipe = Recipe::parse(text).unwrap();
        let sums = |pairs: &[(&str, &str)]| pairs.iter().map(|&(n, s)| (n.to_owned(), s.to_owned())).collect();
        recipe.check_weights(&sums(&[("a.bin", "aa"), ("b.bin", "bb")])).unwrap();
        let other = recipe.check_weights(&sums(&[("a.bin", "ab")])).unwrap_err();
        assert!(other.exit == Exit::Weights && other.line().contains("a.bin has sha256 ab"), "{}", other.line());
        recipe.check_outputs(&sums(&[("x.jpg", "01"), ("y.jpg", "02"), ("z.jpg", "03")])).unwrap();
        let other = recipe.check_outputs(&sums(&[("x.jpg", "01"), ("y.jpg", "20")])).unwrap_err();
        assert!(other.line().contains("y.jpg") && !other.line().contains("x.jpg"), "{}", other.line());
    }
}
