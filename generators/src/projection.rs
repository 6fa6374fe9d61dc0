//! A plane on which photos that a network finds alike lie together: t-SNE of its features (van der Maaten & Hinton 2008),
//! Barnes-Hut version, begun from the two main components, so that the same photos give the same map and far groups stay
//! far (Kobak & Berens 2019).

use bhtsne::tSNE;
use tch::{Kind, Tensor};

use crate::seam::floats_of;
use crate::{Error, Result};

/// Main components that are kept before neighbours are looked for; the rest is noise to a distance.
const COMPONENTS: i64 = 50;
/// Barnes-Hut: how small a far cell must look to count as one point.
const THETA: f32 = 0.5;
/// Standard deviation of the start along its wider axis, as t-SNE's early steps want it.
const START: f32 = 1e-4;
/// Fewest points that neighbourhoods can be told of.
const LEAST: usize = 8;

/// Lays points out on a plane, one `[x, y]` each, in units of no meaning.
///
/// `perplexity` is about the number of neighbours that each point attends to; it is lowered for few points. Fewer than 8
/// points are laid out by their two main components.
///
/// # Errors
/// [`Error::Input`] when points differ in length or hold values that are not finite; when libtorch refuses.
///
/// # Examples
/// ```
/// let points: Vec<Vec<f32>> = (0..40).map(|i| vec![(i % 2 * 9) as f32, i as f32 / 40.0, 1.0]).collect();
/// let plane = generators::projection::project(&points, 5.0)?;
/// assert_eq!(plane.len(), 40);
/// # Ok::<(), generators::Error>(())
/// ```
pub fn project(points: &[Vec<f32>], perplexity: f32) -> Result<Vec<[f32; 2]>> {
    let Some(length) = points.first().map(Vec::len).filter(|&length| length > 0) else { return Ok(Vec::new()) };
    if points.iter().any(|point| point.len() != length || point.iter().any(|v| !v.is_finite())) {
        return Err(Error::Input("projection: points of several lengths, or values that are not finite".into()));
    }
    let (components, kept) = main_components(points, length as i64)?;
    let rows: Vec<&[f32]> = components.chunks_exact(kept).collect();
    let spread =
        (rows.iter().map(|row| row[0] * row[0]).sum::<f32>() / rows.len() as f32).sqrt().max(f32::MIN_POSITIVE);
    let flat = |row: &&[f32]| [row[0], row.get(1).copied().unwrap_or(0.0)];
    if points.len() < LEAST {
        return Ok(rows.iter().map(flat).collect());
    }
    let start: Vec<f32> = rows.iter().flat_map(flat).map(|v| v / spread * START).collect();
    // Three times the perplexity are looked for, and there must be so many others.
    let perplexity = perplexity.clamp(2.0, (points.len() - 1) as f32 / 3.0);
    let distance = |a: &&[f32], b: &&[f32]| a.iter().zip(*b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
    let lay_out = || {
        let mut tsne: tSNE<f32, &[f32]> = tSNE::new(&rows);
        tsne.perplexity(perplexity).initial_embedding(start).barnes_hut(THETA, distance).embedding()
    };
    // Sums over several threads are added up in the order in which they end, and a map would differ each time.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let plane = alone.map_err(|error| Error::Input(format!("projection: {error}")))?.install(lay_out);
    Ok(plane.chunks_exact(2).map(|at| [at[0], at[1]]).collect())
}

/// The points, scaled to length 1, by their main components; and how many those are.
fn main_components(points: &[Vec<f32>], length: i64) -> Result<(Vec<f32>, usize)> {
    let n = points.len() as i64;
    let matrix = Tensor::from_slice(&points.concat()).f_view([n, length])?;
    let norm = matrix.f_norm_scalaropt_dim(2.0, [1], true)?.clamp_min(1e-12);
    let unit = matrix / norm;
    let centred = &unit - unit.f_mean_dim([0_i64].as_slice(), true, Kind::Float)?;
    let covariance = centred.f_transpose(0, 1)?.f_matmul(&centred)? / n as f64;
    let (_, vectors) = covariance.f_linalg_eigh("L")?;
    let kept = COMPONENTS.min(length);
    let main = vectors.f_narrow(1, length - kept, kept)?.f_flip([1])?;
    // An eigenvector's sign is arbitrary; its largest entry decides here.
    let largest = main.f_abs()?.f_argmax(0, true)?;
    let main = &main * main.f_gather(0, &largest, false)?.f_sign()?;
    Ok((floats_of(&centred.f_matmul(&main)?)?, kept as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    /// Three groups of 40 in 30 dimensions.
    fn groups() -> Vec<Vec<f32>> {
        let mut stream = Stream::new(7, "groups", 0);
        let point = |i: usize, stream: &mut Stream| {
            (0..30).map(|d| f32::from(u8::from(d % 3 == i % 3)) * 4.0 + stream.normal()).collect()
        };
        (0..120).map(|i| point(i, &mut stream)).collect()
    }

    fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
        (a[0] - b[0]).hypot(a[1] - b[1])
    }

    #[test]
    fn what_is_alike_lies_together_and_the_map_is_the_same_each_time() {
        let points = groups();
        let plane = project(&points, 15.0).unwrap();
        let nearest = |i: usize| {
            let others = (0..plane.len()).filter(|&j| j != i);
            others.min_by(|&a, &b| distance(plane[i], plane[a]).total_cmp(&distance(plane[i], plane[b]))).unwrap()
        };
        let same = (0..plane.len()).filter(|&i| nearest(i) % 3 == i % 3).count();
        assert!(same >= 115, "{same} of 120 have a neighbour of their group");
        assert!(project(&points, 15.0).unwrap() == plane, "another map of the same photos");
    }

    #[test]
    fn few_points_and_bad_ones() {
        assert!(project(&[], 30.0).unwrap().is_empty());
        let few = project(&[vec![1.0, 0.0], vec![0.0, 1.0], vec![1.0, 1.0]], 30.0).unwrap();
        assert!(few.len() == 3 && distance(few[0], few[1]) > 0.1);
        assert_eq!(project(&vec![vec![1.0, 2.0]; 12], 30.0).unwrap().len(), 12, "all alike");
        assert!(project(&[vec![1.0], vec![1.0, 2.0]], 30.0).is_err());
        assert!(project(&[vec![f32::NAN]], 30.0).is_err());
    }
}
