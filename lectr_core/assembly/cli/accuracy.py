"""`lectr accuracy`: how well are tokens predicted that nobody reported?"""

from __future__ import annotations

import click

from lectr_core.assembly.command_line import CommandLine


@click.command(
    short_help="Show how well tokens are predicted that nobody reports.",
    epilog="""\b
Every reported request is predicted first and compared then. Held: the true count was within the 95 % interval.
Half-width: half the interval as a share of the predicted count; error: how far off the predicted count was; medians.
Off in all: all predicted counts together against all reported ones. As of half a minute ago where a gateway runs.""",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def accuracy(line: CommandLine, as_json: bool) -> int:
    """Show how well tokens are predicted that nobody reports, as measured on this gateway's own reported requests."""
    import attrs

    from lectr_core.assembly.cli.show import show_json, show_table
    from lectr_core.cold import calibration_file

    told = calibration_file.read(line.settings().gateway.data / calibration_file.FILE).told()
    checked, held = sum(one.checked for one in told), sum(one.held for one in told)
    if as_json:
        show_json({"checked": checked, "held": held, "kinds": [attrs.asdict(one) for one in told]})
        return 0
    if not checked:
        click.echo("nothing measured yet: it takes some 100 reported requests of a model; till then, tokens are estimates")
        return 0
    columns = ("provider", "model", "endpoint", "of", "checked", "held", "half-width", "error", "off in all")
    rows = [
        (
            *(one.provider, one.model, one.endpoint, one.way, one.checked, f"{one.held / max(one.checked, 1):.1%}"),
            *(f"{one.half_width:.1%}", f"{one.error:.1%}"),
            f"{one.predicted_tokens / max(one.reported_tokens, 1) - 1:+.1%}",
        )
        for one in told
    ]
    show_table(columns, rows, right=columns[4:])
    click.echo(f"95 % intervals held {held / checked:.1%} of {checked:,} predictions")
    return 0
