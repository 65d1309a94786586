//! How the bench of the limits counts.

#[path = "../bench/limits/window.rs"]
mod window;

use window::{MINUTE, Moment, SECOND, most_in_a_minute, steps, sum};

fn moments(seconds: &[u64]) -> Vec<Moment> {
    seconds.iter().map(|second| Moment { at_us: second * SECOND, weight: 1 }).collect()
}

#[test]
fn the_fullest_minute_is_found_wherever_it_begins() {
    assert_eq!(most_in_a_minute(&[], 0), 0);
    assert_eq!(most_in_a_minute(&moments(&[0, 59]), 0), 2);
    assert_eq!(most_in_a_minute(&moments(&[0, 60]), 0), 1);
    assert_eq!(most_in_a_minute(&moments(&[0, 50, 55, 100, 109, 110]), 0), 4);
    assert_eq!(most_in_a_minute(&moments(&[110, 55, 0, 109, 50, 100]), 0), 4, "in any order");
    assert_eq!(most_in_a_minute(&moments(&[0, 1, 2, 70]), 2 * SECOND), 1, "from a time on");
}

#[test]
fn a_minute_sees_what_windows_side_by_side_do_not() {
    let burst: Vec<u64> = [50; 10].into_iter().chain([70; 10]).collect();
    let moments = moments(&burst);
    assert_eq!(steps(&moments, (0, 2 * MINUTE), MINUTE), [10, 10]);
    assert_eq!(most_in_a_minute(&moments, 0), 20);
}

#[test]
fn weights_add_up() {
    let moments = [(0, 500), (30, 100), (60, 7), (90, 1)];
    let moments = moments.map(|(second, weight)| Moment { at_us: second * SECOND, weight });
    assert_eq!(most_in_a_minute(&moments, 0), 600);
    assert_eq!(most_in_a_minute(&moments, 1), 107);
    assert_eq!(sum(&moments, (30 * SECOND, 90 * SECOND)), 107);
    assert_eq!(steps(&moments, (0, 90 * SECOND), 30 * SECOND), [500, 100, 7]);
}
