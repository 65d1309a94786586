//! Where the ids of tool calls stand.

use crate::model::canonical::Step;

/// The members that hold the id of a tool call wherever they stand.
const NAMES: [&[u8]; 3] = [b"tool_call_id", b"call_id", b"tool_use_id"];
/// The types whose objects are a tool call, or its result.
const TYPES: [&str; 2] = ["tool_use", "tool_result"];
/// The ends of more such types.
const TYPE_ENDS: [&str; 4] = ["_tool_use", "_tool_result", "_call", "_call_output"];

/// Whether the value at a place is the id of a tool call, whatever else its object has.
pub(super) fn is_place(path: &[Step<'_>]) -> bool {
    match path {
        [.., Step::Member(list), Step::Element(_), Step::Member(name)]
            if **list == *b"tool_calls" && **name == *b"id" =>
        {
            true
        }
        [.., Step::Member(name)] => NAMES.contains(&name.as_ref()),
        _ => false,
    }
}

/// Whether the `id` of an object of this type is the id of a tool call.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.contains(&name) || TYPE_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_calls_and_results_are_known() {
        for (name, expected) in [
            ("tool_use", true),
            ("server_tool_use", true),
            ("tool_result", true),
            ("web_search_tool_result", true),
            ("function_call", true),
            ("function_call_output", true),
            ("mcp_call", true),
            ("call", false),
            ("message", false),
            ("reasoning", false),
            ("function", false),
            ("footool_use", false),
        ] {
            assert_eq!(is_type(name), expected, "{name}");
        }
    }
}
