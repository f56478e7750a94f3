"""What every scorer of reasoning-gym makes of an answer's text,
as read from its code. Knows no answer and no grammar.

A test walks the installed scorers and fails where one reads more than stands here, or where a generator is new.
"""

from collections.abc import Mapping

# What turns a text into something else, by its qualified name -> the generators whose scorer reaches it.
READERS: Mapping[str, tuple[str, ...]] = {
    "eval": (
        *(
            "binary_matrix",
            "bitwise_arithmetic",
            "n_queens",
            "number_sorting",
            "spiral_matrix",
            "string_insertion",
        ),
    ),
    "sympy.parsing.sympy_parser.parse_expr": (
        *("countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration"),
    ),
    "json.loads": (
        *("boxnet", "codeio", "game_of_life", "graph_color", "group_anagrams", "jugs", "knight_swap"),
        *("number_sorting", "palindrome_partitioning"),
    ),
    "numpy.loadtxt": ("pool_matrix",),
    "magiccube.cube.Cube": ("rubiks_cube",),
    "self._Game": ("sokoban",),
    ".score_answer": ("composite",),
    "decimal.Decimal": ("chain_sum", "decimal_arithmetic", "decimal_chain_sum", "power_function", "products"),
    "fractions.Fraction": ("coin_flip",),
    "complex": ("complex_arithmetic",),
    "float": (
        *("advanced_geometry", "boxnet", "codeio", "coin_flip", "complex_arithmetic", "countdown", "gsm_symbolic"),
        *("number_format", "number_sorting", "polynomial_equations", "rectangle_count"),
    ),
    "int": (
        *("advanced_geometry", "bitwise_arithmetic", "calendar_arithmetic", "countdown", "cryptarithm"),
        *("fraction_simplification", "futoshiki", "graph_color", "kakurasu", "mini_sudoku", "prime_factorization"),
        *("propositional_logic", "puzzle24", "rectangle_count", "rubiks_cube", "rush_hour", "sudoku", "survo"),
        *("time_intervals", "tower_of_hanoi"),
    ),
}
# Their scorers compare texts with texts.
COMPARES = (
    *("ab", "acre", "aiw", "arc_1d", "arc_agi", "base_conversion", "basic_arithmetic", "bf"),
    *("binary_alternation", "caesar_cipher", "circuit_logic", "color_cube_rotation", "count_bits"),
    *("count_primes", "course_schedule", "dice", "emoji_mystery", "family_relationships", "figlet_font"),
    *("game_of_life_halting", "gcd", "isomorphic_strings", "knights_knaves", "largest_island", "lcm"),
    *("leg_counting", "letter_counting", "letter_jumble", "list_functions", "mahjong_puzzle"),
    *("manipulate_matrix", "maze", "modulo_grid", "needle_haystack", "number_filtering", "number_sequence"),
    *("palindrome_generation", "path_star", "quantum_lock", "ransom_note", "rearc", "rotate_matrix"),
    *("rotten_oranges", "self_reference", "sentence_reordering", "shortest_path", "simple_equations"),
    *("simple_geometry", "spell_backward", "string_manipulation", "string_splitting", "string_synthesis"),
    *("syllogism", "tsumego", "word_ladder", "word_sequence_reversal", "word_sorting", "zebra_puzzles"),
)
# Of what an answer holds these still evaluate something: a list that our grammar let through, a sympy object of
# ours.
EVALUATED = (
    *("binary_matrix", "intermediate_integration", "n_queens", "simple_integration", "spiral_matrix"),
    "string_insertion",
)
# Their scorers (reasoning-gym 0.1.25) cannot be held to what the question asks.
UNTRUSTED = {
    "composite": "it mixes the entries of other generators; name one of them as the task",
    "game_of_life_halting": "its scorer accepts any answer",
    "propositional_logic": "its scorer accepts a premise that is copied from the question",
}
