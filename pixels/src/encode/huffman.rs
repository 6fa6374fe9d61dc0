//! Optimal Huffman tables for an interleaved baseline JPEG: about a tenth fewer bytes for the same coefficients.
//!
//! The encoder in use writes optimal tables only with one scan per channel, a layout that some decoders misread; so it
//! writes the standard tables, and the codes are exchanged here.
//!
//! # Source
//! ITU-T T.81, annex C (canonical codes), annex F.1.2 (symbols), annex K.2 (optimal tables).

/// DC tables 0 and 1, then AC tables 0 and 1.
const TABLES: usize = 4;

/// Symbols of one table, and one more that keeps the all-ones code free.
const SYMBOLS: usize = 257;

/// Longest code that the format allows, in bits.
const MAX_LENGTH: usize = 16;

/// A table as the file holds it: the number of codes of each length from 1 to 16, and the symbols by ascending code.
#[derive(Clone, Default)]
struct Table {
    counts: [u8; MAX_LENGTH],
    symbols: Vec<u8>,
}

/// One Huffman symbol and the bits that follow it.
#[derive(Clone, Copy)]
struct Token {
    table: u8,
    symbol: u8,
    extra: u16,
}

impl Token {
    /// How many bits follow: the lower half of an AC symbol, and all of a DC symbol, which is at most 11.
    fn extra_bits(self) -> u32 {
        u32::from(self.symbol & 15)
    }
}

/// What the headers say about the scan.
#[derive(Default)]
struct Layout {
    width: usize,
    height: usize,
    /// Identifier, blocks per MCU, DC table and AC table (2 and 3) of each channel.
    channels: Vec<(u8, usize, usize, usize)>,
    largest: (usize, usize),
    tables: [Table; TABLES],
}

/// The same picture with optimal tables; `None` when the file has another layout than the one expected.
pub(super) fn optimize(jpeg: &[u8]) -> Option<Vec<u8>> {
    let mut layout = Layout::default();
    let mut out = jpeg.get(..2)?.to_vec();
    let mut at = 2;
    loop {
        let &[0xFF, marker, high, low] = jpeg.get(at..at + 4)? else { return None };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        let body = jpeg.get(at + 4..end)?;
        match marker {
            0xC4 => read_tables(body, &mut layout)?,
            0xC0 => {
                read_frame(body, &mut layout)?;
                out.extend(&jpeg[at..end]);
            }
            0xDA => {
                read_scan(body, &mut layout)?;
                let tokens = read_tokens(&jpeg[end..], &layout)?;
                let tables = optimal_tables(&tokens);
                write_tables(&tables, &mut out);
                out.extend(&jpeg[at..end]);
                write_tokens(&tokens, &tables, &mut out)?;
                out.extend([0xFF, 0xD9]);
                return Some(out);
            }
            // Other frames, and restart intervals.
            0xC1..=0xCF | 0xDD => return None,
            _ => out.extend(&jpeg[at..end]),
        }
        at = end;
    }
}

fn read_tables(mut body: &[u8], layout: &mut Layout) -> Option<()> {
    while let Some((&[kind, ref counts @ ..], rest)) = body.split_first_chunk::<17>() {
        let total = counts.iter().map(|&n| usize::from(n)).sum();
        let slot = usize::from(kind >> 4) * 2 + usize::from(kind & 15);
        let table = layout.tables.get_mut(slot).filter(|_| kind & 15 < 2)?;
        *table = Table { counts: *counts, symbols: rest.get(..total)?.to_vec() };
        body = &rest[total..];
    }
    body.is_empty().then_some(())
}

fn read_frame(body: &[u8], layout: &mut Layout) -> Option<()> {
    let &[8, h1, h0, w1, w0, 3, ref channels @ ..] = body else { return None };
    layout.height = usize::from(u16::from_be_bytes([h1, h0]));
    layout.width = usize::from(u16::from_be_bytes([w1, w0]));
    for channel in channels.chunks_exact(3) {
        let (h, v) = (usize::from(channel[1] >> 4), usize::from(channel[1] & 15));
        if !(1..=2).contains(&h) || !(1..=2).contains(&v) {
            return None;
        }
        layout.largest = (layout.largest.0.max(h), layout.largest.1.max(v));
        layout.channels.push((channel[0], h * v, 0, 0));
    }
    (layout.channels.len() == 3 && layout.width > 0 && layout.height > 0).then_some(())
}

fn read_scan(body: &[u8], layout: &mut Layout) -> Option<()> {
    let &[3, ref channels @ .., 0, 63, 0] = body else { return None };
    if channels.len() != 6 || layout.channels.len() != 3 {
        return None;
    }
    for (channel, scan) in layout.channels.iter_mut().zip(channels.chunks_exact(2)) {
        let (dc, ac) = (usize::from(scan[1] >> 4), usize::from(scan[1] & 15));
        if scan[0] != channel.0 || dc > 1 || ac > 1 {
            return None;
        }
        (channel.2, channel.3) = (dc, 2 + ac);
    }
    Some(())
}

/// Length and symbol for each possible start of 16 bits; length 0 where no code is.
fn lookup(table: &Table) -> Option<Vec<(u8, u8)>> {
    let mut entries = vec![(0, 0); 1 << MAX_LENGTH];
    let (mut first, mut symbols) = (0usize, table.symbols.iter());
    for (length, &count) in (1..).zip(&table.counts) {
        let span = 1 << (MAX_LENGTH - length);
        for &symbol in symbols.by_ref().take(usize::from(count)) {
            entries.get_mut(first..first + span)?.fill((length as u8, symbol));
            first += span;
        }
    }
    Some(entries)
}

/// Bits from the highest down; zeros after the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    buffer: u64,
    bits: u32,
}

impl Reader<'_> {
    fn fill(&mut self) {
        while self.bits <= 48 {
            self.buffer = self.buffer << 8 | u64::from(self.bytes.get(self.at).copied().unwrap_or(0));
            self.at += 1;
            self.bits += 8;
        }
    }

    /// The next `count` bits, at most 16 and only after [`Self::fill`].
    fn peek(&self, count: u32) -> u16 {
        (self.buffer >> (self.bits - count) & ((1 << count) - 1)) as u16
    }

    fn skip(&mut self, count: u32) {
        self.bits -= count;
    }

    /// Whether more was read than there is.
    fn is_overrun(&self) -> bool {
        self.at > self.bytes.len() + self.bits as usize / 8
    }
}

/// Entropy-coded data without its stuffed zeros, up to the end marker.
fn unstuffed(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len());
    let mut rest = data;
    loop {
        let until = rest.iter().position(|&b| b == 0xFF)?;
        out.extend(&rest[..until]);
        match rest.get(until + 1)? {
            0x00 => out.push(0xFF),
            0xD9 => return Some(out),
            _ => return None,
        }
        rest = &rest[until + 2..];
    }
}

fn read_tokens(data: &[u8], layout: &Layout) -> Option<Vec<Token>> {
    let bytes = unstuffed(data)?;
    let mut lookups = Vec::with_capacity(TABLES);
    for table in &layout.tables {
        lookups.push(lookup(table)?);
    }
    let mut reader = Reader { bytes: &bytes, at: 0, buffer: 0, bits: 0 };
    let mut tokens = Vec::with_capacity(bytes.len() * 2);
    let mut read = |table: usize| -> Option<u8> {
        reader.fill();
        let (length, symbol) = lookups[table][usize::from(reader.peek(MAX_LENGTH as u32))];
        if length == 0 || table < 2 && symbol > 11 {
            return None;
        }
        reader.skip(u32::from(length));
        let mut token = Token { table: table as u8, symbol, extra: 0 };
        token.extra = reader.peek(token.extra_bits());
        reader.skip(token.extra_bits());
        tokens.push(token);
        (!reader.is_overrun()).then_some(symbol)
    };
    let units = |side: usize, largest: usize| side.div_ceil(8 * largest);
    for _ in 0..units(layout.width, layout.largest.0) * units(layout.height, layout.largest.1) {
        for &(_, blocks, dc, ac) in &layout.channels {
            for _ in 0..blocks {
                read(dc)?;
                let mut position = 1;
                while position < 64 {
                    match read(ac)? {
                        0x00 => break,
                        symbol => position += usize::from(symbol >> 4) + 1,
                    }
                }
                if position > 64 {
                    return None;
                }
            }
        }
    }
    Some(tokens)
}

fn optimal_tables(tokens: &[Token]) -> [Table; TABLES] {
    let mut counts = [[0u64; SYMBOLS]; TABLES];
    for token in tokens {
        counts[usize::from(token.table)][usize::from(token.symbol)] += 1;
    }
    counts.map(|counts| optimal_table(&counts))
}

/// Annex K.2: merge the two rarest until one tree is left, shorten what is longer than 16 bits, free the all-ones code.
fn optimal_table(counts: &[u64; SYMBOLS]) -> Table {
    let mut weights = *counts;
    weights[SYMBOLS - 1] = 1;
    let mut lengths = [0usize; SYMBOLS];
    let mut members: Vec<Vec<usize>> = (0..SYMBOLS).map(|symbol| vec![symbol]).collect();
    loop {
        // The rarest two; among equals the later, so that the extra symbol gets one of the longest codes.
        let mut alive: Vec<usize> = (0..SYMBOLS).filter(|&i| weights[i] > 0).collect();
        alive.sort_by_key(|&i| (weights[i], SYMBOLS - i));
        let &[rarest, second, ..] = &alive[..] else { break };
        let moved = std::mem::take(&mut members[second]);
        members[rarest].extend(moved);
        for &symbol in &members[rarest] {
            lengths[symbol] += 1;
        }
        weights[rarest] += std::mem::take(&mut weights[second]);
    }
    let mut by_length = [0usize; SYMBOLS + 1];
    for &length in lengths.iter().filter(|&&length| length > 0) {
        by_length[length] += 1;
    }
    for long in (MAX_LENGTH + 1..=SYMBOLS).rev() {
        while by_length[long] > 0 {
            // Two codes of this length become one shorter, and a shorter code becomes two longer ones.
            let Some(short) = (1..long - 1).rev().find(|&length| by_length[length] > 0) else { break };
            by_length[long] -= 2;
            by_length[long - 1] += 1;
            by_length[short + 1] += 2;
            by_length[short] -= 1;
        }
    }
    // The extra symbol has the longest code.
    if let Some(longest) = (1..=MAX_LENGTH).rev().find(|&length| by_length[length] > 0) {
        by_length[longest] -= 1;
    }
    let mut symbols: Vec<usize> = (0..SYMBOLS - 1).filter(|&symbol| lengths[symbol] > 0).collect();
    symbols.sort_by_key(|&symbol| (lengths[symbol], symbol));
    Table {
        counts: std::array::from_fn(|i| by_length[i + 1] as u8),
        symbols: symbols.into_iter().map(|symbol| symbol as u8).collect(),
    }
}

fn write_tables(tables: &[Table; TABLES], out: &mut Vec<u8>) {
    for (kind, table) in [0x00, 0x01, 0x10, 0x11].into_iter().zip(tables) {
        // A table that no token uses still has its place, so that scans may name it.
        out.extend([0xFF, 0xC4]);
        out.extend((19 + table.symbols.len() as u16).to_be_bytes());
        out.push(kind);
        out.extend(table.counts);
        out.extend(&table.symbols);
    }
}

fn write_tokens(tokens: &[Token], tables: &[Table; TABLES], out: &mut Vec<u8>) -> Option<()> {
    let mut codes = [[(0u16, 0u8); 256]; TABLES];
    for (codes, table) in codes.iter_mut().zip(tables) {
        let (mut code, mut symbols) = (0u32, table.symbols.iter());
        for (length, &count) in (1u8..).zip(&table.counts) {
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                codes[usize::from(symbol)] = (u16::try_from(code).ok()?, length);
                code += 1;
            }
            code <<= 1;
        }
    }
    let (mut buffer, mut bits) = (0u64, 0u32);
    let push = |byte: u8, out: &mut Vec<u8>| {
        out.push(byte);
        if byte == 0xFF {
            out.push(0);
        }
    };
    for &token in tokens {
        let (code, length) = codes[usize::from(token.table)][usize::from(token.symbol)];
        let extra = token.extra_bits();
        buffer = (buffer << length | u64::from(code)) << extra | u64::from(token.extra);
        bits += u32::from(length) + extra;
        while bits >= 8 {
            bits -= 8;
            push((buffer >> bits) as u8, out);
        }
    }
    if bits > 0 {
        let padding = 8 - bits;
        push((buffer << padding) as u8 | ((1u32 << padding) - 1) as u8, out);
    }
    Some(())
}

#[cfg(test)]
mod tests;
