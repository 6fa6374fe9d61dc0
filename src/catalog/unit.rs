//! What is done at once: the tasks of one master and one operation that share its decoding, its mask and its models.

/// One task of a plan, by its place in the plan's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Place in the plan's order.
    pub place: usize,
    /// Index of the master.
    pub master: usize,
    /// Index of the operation.
    pub operation: usize,
    /// Index of the variant; 0 for a resize.
    pub variant: usize,
}

/// Tasks of one master and one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Index of the master.
    pub master: usize,
    /// Index of the operation.
    pub operation: usize,
    /// The tasks that are to be done, with their keys.
    pub tasks: Vec<(Task, String)>,
}

/// Gathers tasks, which come in the plan's order, into units.
pub fn gather(tasks: impl Iterator<Item = (Task, String)>) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for (task, key) in tasks {
        match units.last_mut().filter(|unit| (unit.master, unit.operation) == (task.master, task.operation)) {
            Some(unit) => unit.tasks.push((task, key)),
            None => units.push(Unit { master: task.master, operation: task.operation, tasks: vec![(task, key)] }),
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_of_one_master_and_operation_go_together() {
        let task = |place, master, operation, variant| (Task { place, master, operation, variant }, String::new());
        let tasks = [task(0, 0, 0, 0), task(2, 0, 0, 2), task(3, 0, 1, 0), task(4, 1, 0, 0)];
        let units = gather(tasks.into_iter());
        let sizes: Vec<_> = units.iter().map(|unit| (unit.master, unit.operation, unit.tasks.len())).collect();
        assert_eq!(sizes, [(0, 0, 2), (0, 1, 1), (1, 0, 1)]);
    }
}
