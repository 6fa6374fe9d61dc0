//! Connected components of a grid.

/// 4-connected components of the points for which `inside` holds, in row-major order of their first points.
pub fn components(w: usize, h: usize, inside: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut seen = vec![false; w * h];
    let mut found = Vec::new();
    for start in 0..w * h {
        if seen[start] || !inside(start) {
            continue;
        }
        seen[start] = true;
        let mut component = vec![start];
        let mut next = 0;
        while let Some(&i) = component.get(next) {
            next += 1;
            let (x, y) = (i % w, i / w);
            let around =
                [(x > 0, i.wrapping_sub(1)), (x + 1 < w, i + 1), (y > 0, i.wrapping_sub(w)), (y + 1 < h, i + w)];
            for (within, j) in around {
                if within && !seen[j] && inside(j) {
                    seen[j] = true;
                    component.push(j);
                }
            }
        }
        found.push(component);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagonal_points_are_apart() {
        let grid = [true, true, false, false, false, true];
        let found = components(3, 2, |i| grid[i]);
        assert_eq!(found, [vec![0, 1], vec![5]]);
    }
}
