//! The few layers that the models are made of. Weights follow the kind (`f32`, `bf16`) of the input.

use tch::{Kind, Tensor};

use crate::params::{Builder, Init};

/// 2-D convolution with bias and TensorFlow "SAME" padding.
#[derive(Debug)]
pub struct Conv {
    weight: Tensor,
    bias: Tensor,
    kernel: i64,
    stride: i64,
    groups: i64,
}

/// Shape of a [`Conv`].
#[derive(Clone, Copy, Debug)]
pub struct ConvShape {
    /// Input channels.
    pub input: i64,
    /// Output channels.
    pub output: i64,
    /// Side of the square kernel, odd.
    pub kernel: i64,
    /// Stride, 1 or 2.
    pub stride: i64,
    /// Groups; equal to the channels for a depthwise convolution.
    pub groups: i64,
}

impl ConvShape {
    /// A dense convolution of stride 1.
    pub const fn dense(input: i64, output: i64, kernel: i64) -> Self {
        Self { input, output, kernel, stride: 1, groups: 1 }
    }

    /// A depthwise convolution of stride 1.
    pub const fn depthwise(channels: i64, kernel: i64) -> Self {
        Self { input: channels, output: channels, kernel, stride: 1, groups: channels }
    }

    /// The same with another stride.
    pub const fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }
}

impl Conv {
    /// Builds `name.weight` and `name.bias`.
    pub fn new(builder: &mut Builder, name: &str, shape: ConvShape) -> Self {
        Self::with_init(builder, name, shape, Init::He)
    }

    /// As [`Conv::new`], filled as told (zeros for a residual's last layer).
    pub fn with_init(builder: &mut Builder, name: &str, shape: ConvShape, init: Init) -> Self {
        let ConvShape { input, output, kernel, stride, groups } = shape;
        builder.scope(name, |b| Self {
            weight: b.tensor("weight", &[output, input / groups, kernel, kernel], init),
            bias: b.tensor("bias", &[output], Init::Zeros),
            kernel,
            stride,
            groups,
        })
    }

    /// The kernel tensor, for spectral normalisation and inspection.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// # Shapes
    /// `[N, input, H, W]` → `[N, output, ⌈H / stride⌉, ⌈W / stride⌉]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        self.forward_with(x, &self.weight)
    }

    /// As [`Conv::forward`] with another kernel of the same shape in place of the stored one.
    pub fn forward_with(&self, x: &Tensor, weight: &Tensor) -> Tensor {
        match self.padding(x) {
            [rows, columns] if rows.is_even() && columns.is_even() => {
                self.convolved(x, weight, [rows.before, columns.before])
            }
            [rows, columns] if x.requires_grad() => {
                let padded = x.constant_pad_nd([columns.before, columns.after, rows.before, rows.after]);
                self.convolved(&padded, weight, [0, 0])
            }
            padding => self.convolved(&bordered(x, padding, |x, mut inside| inside.copy_(x)), weight, [0, 0]),
        }
    }

    /// Convolves `relu6(x)`: where that needs a border, both are made on one way through memory.
    pub fn forward_relu6(&self, x: Tensor) -> Tensor {
        let padding = self.padding(&x);
        if x.requires_grad() || padding.iter().all(Padding::is_even) {
            return self.forward(&relu6(x));
        }
        let active = bordered(&x, padding, |x, inside| drop(x.clamp_out(&inside, 0.0, 6.0)));
        self.convolved(&active, &self.weight, [0, 0])
    }

    /// Of rows and of columns.
    fn padding(&self, x: &Tensor) -> [Padding; 2] {
        let size = x.size();
        [size[2], size[3]].map(|size| same_padding(size, self.kernel, self.stride))
    }

    fn convolved(&self, x: &Tensor, weight: &Tensor, padding: [i64; 2]) -> Tensor {
        let kind = x.kind();
        let (weight, bias) = (&weight.to_kind(kind), &self.bias.to_kind(kind));
        let (stride, dilation) = ([self.stride; 2], [1, 1]);
        let learns = x.requires_grad() || weight.requires_grad();
        // Of few pictures on one thread, libtorch would have pointwise convolutions computed as plain matrix products.
        if tch::utils::has_mkldnn() && x.kind() == Kind::Float && !learns {
            return x.mkldnn_convolution(weight, Some(bias), padding, stride, dilation, self.groups);
        }
        x.conv2d(weight, Some(bias), stride, padding, dilation, self.groups)
    }
}

/// Zeros before and after one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Padding {
    before: i64,
    after: i64,
}

impl Padding {
    fn is_even(&self) -> bool {
        self.before == self.after
    }
}

/// TensorFlow's "SAME" padding of one axis: the larger half comes after.
fn same_padding(size: i64, kernel: i64, stride: i64) -> Padding {
    let output = (size + stride - 1) / stride;
    let total = ((output - 1) * stride + kernel - size).max(0);
    Padding { before: total / 2, after: total - total / 2 }
}

/// A border of zeros around what `write` makes of `x`, channels last, without gradient.
fn bordered(x: &Tensor, [rows, columns]: [Padding; 2], write: impl Fn(&Tensor, Tensor)) -> Tensor {
    let size = x.size();
    let [height, width] = [size[2] + rows.before + rows.after, size[3] + columns.before + columns.after];
    let whole = Tensor::empty([size[0], height, width, size[1]], (x.kind(), x.device())).permute([0, 3, 1, 2]);
    for (axis, Padding { before, after }) in [(2, rows), (3, columns)] {
        let _ = whole.narrow(axis, 0, before).zero_();
        let _ = whole.narrow(axis, before + size[axis as usize], after).zero_();
    }
    write(x, whole.narrow(2, rows.before, size[2]).narrow(3, columns.before, size[3]));
    whole
}

/// In place where no gradient needs the value before: maps are large, and their way through memory takes longer than this.
pub fn relu6(mut x: Tensor) -> Tensor {
    if x.requires_grad() { x.clamp(0.0, 6.0) } else { x.clamp_(0.0, 6.0) }
}

/// Fully connected layer.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// Builds `name.weight` `[output, input]` and `name.bias`.
    pub fn new(builder: &mut Builder, name: &str, input: i64, output: i64, init: Init) -> Self {
        builder.scope(name, |b| Self {
            weight: b.tensor("weight", &[output, input], init),
            bias: b.tensor("bias", &[output], Init::Zeros),
        })
    }

    /// The weight matrix, `[output, input]`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// # Shapes
    /// `[N, input]` → `[N, output]`.
    pub fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight.to_kind(x.kind()), Some(&self.bias.to_kind(x.kind())))
    }
}

/// Leaky ReLU with a slope of a tenth below zero.
pub fn leaky(x: &Tensor) -> Tensor {
    x.maximum(&(x * 0.1))
}

/// Twice as wide and high, bilinearly.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, 2 H, 2 W]`.
pub fn doubled(x: &Tensor) -> Tensor {
    let size = x.size();
    x.upsample_bilinear2d([2 * size[2], 2 * size[3]], false, None, None)
}

/// The same values laid out channels last, which oneDNN's convolutions like best on a CPU.
///
/// # Shapes
/// `[N, C, H, W]` → `[N, C, H, W]`.
pub fn channels_last(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// The precision of convolutions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats everywhere.
    #[default]
    F32,
    /// bfloat16 activations, `f32` master weights: faster where the CPU has AVX-512 BF16 or AMX, slower elsewhere.
    Bf16,
}

impl Precision {
    /// The tensor kind of activations.
    pub fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::stream::Stream;

    #[test]
    fn padding_is_tensorflows() {
        assert_eq!(same_padding(224, 3, 2), Padding { before: 0, after: 1 });
        assert_eq!(same_padding(224, 5, 2), Padding { before: 1, after: 2 });
        assert_eq!(same_padding(7, 3, 2), Padding { before: 1, after: 1 });
        assert_eq!(same_padding(56, 5, 1), Padding { before: 2, after: 2 });
    }

    #[test]
    fn onednn_convolves_as_libtorch_does() {
        let mut stream = Stream::new(3, "convolutions", 0);
        let mut random = |shape: &[i64]| {
            let values: Vec<f32> = (0..shape.iter().product::<i64>()).map(|_| stream.uniform(-1.0, 1.0)).collect();
            Tensor::from_slice(&values).view(shape)
        };
        let depthwise = ConvShape::depthwise(24, 5);
        for shape in [ConvShape::dense(24, 40, 1), ConvShape::dense(3, 8, 3).stride(2), depthwise, depthwise.stride(2)]
        {
            let weight = random(&[shape.output, shape.input / shape.groups, shape.kernel, shape.kernel]);
            let params: Params =
                [("c.weight".to_owned(), weight), ("c.bias".to_owned(), random(&[shape.output]))].into_iter().collect();
            let x = channels_last(&random(&[1, shape.input, 14, 14]));
            let convolution = |params: &Params| Conv::new(&mut Builder::loaded(params), "c", shape);
            let same = |a: Tensor, b: Tensor| {
                let far = (a - b).abs().max().double_value(&[]);
                assert!(far < 1e-5, "{shape:?}: {far}");
            };
            // With gradients it is libtorch that convolves.
            let (onednn, libtorch) = (convolution(&params), convolution(&params.leaves()));
            same(onednn.forward(&x), libtorch.forward(&x));
            same(onednn.forward_relu6(&x * 8.0), libtorch.forward(&(&x * 8.0).clamp(0.0, 6.0)));
        }
    }
}
