"""Runs that other trackers kept, read from their files and written as journals into HOME/runs: from there on they are
runs like all others. Nothing of what wrote those files is needed, and nothing in them is trusted."""
