"""What can be wrong with a training, one function each: it looks at a case and gives an advice, or None.

A threshold here is the one at which the trainings of `benchmarks.advice` were told apart; each is a number of sigmas or
a share, never an absolute loss.
"""

import numpy as np

from tracking.cases import Advice, Case
from tracking.traces import Numbers, Trace, falling, noise_of, slope, smooth, window

CLEAR = 4.0
"""Standard errors that two means must lie apart."""
FEW = 6
"""Points below which a curve is not judged."""
CHECK = "overfit one batch: the loss of the same 32 examples must go to nearly zero; if not, look at labels and loss"


def broken_numbers(case: Case) -> Advice | None:
    """The loss is no number to the end."""
    told = next((one for one in (case.train_loss, case.val_loss) if one is not None and one.lost is not None), None)
    if told is None or told.lost is None:
        return None
    if not len(told):
        return Advice(
            code="not-a-number",
            headline="The loss was never a number.",
            reason=f"{told.name} is NaN or infinite from its first point, at step {told.lost}.",
            tries=(
                "look for NaN in the inputs, and for log(0) and x/0 in the loss",
                f"if a point is the mean of an epoch: a learning rate {case.rate_words(0.1)}",
                "train in float32",
            ),
            confidence="strong",
        )
    return Advice(
        code="diverged",
        headline="The training diverged.",
        reason=f"{told.name} is no number from step {told.lost} on; before, it was {told.raw[-1]:.3g}.",
        tries=(f"a learning rate {case.rate_words(0.1)}", "clip the gradient to norm 1", "warm the rate up"),
        confidence="strong",
    )


def diverged(case: Case) -> Advice | None:
    """The training loss went up, far beyond its noise, and did not come back."""
    told = case.train_loss
    if told is None or len(told) < FEW:
        return None
    even = smooth(told.values)
    place = int(np.argmin(even))
    low, start, end = float(even[place]), float(told.values[0]), told.tail()
    risen = end - low
    blown = end > 1.5 * start and end > 2 * low
    lost = end > 0.9 * start and low < 0.6 * start
    if len(told) - place < 3 or not (blown or lost) or risen < 2 * CLEAR * told.noise:
        return None
    return Advice(
        code="diverged",
        headline="The training diverged.",
        reason=f"{told.name} began at {start:.3g}, fell to {low:.3g} by step {told.steps[place]:.0f}, now {end:.3g}.",
        tries=(f"a learning rate {case.rate_words(0.1)}", "clip the gradient to norm 1", "warm the rate up"),
        confidence="strong",
    )


def only_rises(case: Case) -> Advice | None:
    """The only loss that is known, of held-out data, has risen from its first point on, far beyond its noise: whether
    the training learns at all nobody can tell."""
    told = case.val_loss
    if told is None or case.train_loss is not None or len(told) < FEW or not from_the_start(told):
        return None
    start, end = float(smooth(told.values)[0]), told.tail()
    if not end > max(2 * start, start + 2 * CLEAR * told.noise) or falling(-told.values) < 0.5:
        return None
    return Advice(
        code="diverged",
        headline="The loss only ever rises: the training diverges.",
        reason=f"{told.name} began at {start:.3g}, was never clearly lower, and is {end:.3g} now.",
        tries=(
            f"a learning rate {case.rate_words(0.1)}",
            "look whether the loss has the right sign",
            "log the training loss beside it: if that one falls, it is over-fitting from the start",
        ),
        confidence="fair",
    )


def from_the_start(told: Trace) -> bool:
    """It was never clearly lower than at its first points."""
    even = smooth(told.values)
    return bool(np.argmin(even) <= 1) or float(even[0] - even.min()) < CLEAR * told.noise


def at_chance(case: Case) -> float | None:
    """The accuracy, where it is what naming one class gives: it stands still, low, and the loss is that of guessing."""
    told, loss = case.train_accuracy or case.val_accuracy, case.train_loss or case.val_loss
    if told is None or loss is None or min(len(told), len(loss)) < FEW:
        return None
    late = told.values[len(told.values) // 3 :]
    level, spread = float(np.median(late)), float(np.ptp(late))
    if not 0 < level < 0.95:
        return None
    majority = case.baselines.get("majority")
    if majority is not None:
        guesses = loss.tail() > 0.8 * -np.log(max(majority, 1e-6))  # no loss of guessing is below this
        return level if level < majority + 0.02 and spread < 0.05 and guesses else None
    guessing = -np.log(level)
    return level if level < 0.6 and spread < 0.04 and 0.93 * guessing < loss.tail() < 1.12 * guessing else None


def nothing_learnt(case: Case) -> Advice | None:
    """As good as guessing, to the end. A loss that jumped up at first tells of the rate; else all is possible."""
    chance, loss = at_chance(case), case.train_loss or case.val_loss
    if chance is None or loss is None:
        return None
    peak, end = float(loss.raw[: max(2, len(loss.raw) // 4)].max()), loss.tail()
    if peak > 1.3 * end:
        return Advice(
            code="learning-rate-too-high",
            headline="The learning rate is too high: nothing is learnt.",
            reason=f"{loss.name} was {peak:.3g} at first, is {end:.3g} since; accuracy {chance:.3f} is a guess's.",
            tries=(f"a learning rate {case.rate_words(0.1)}", "warm the rate up", CHECK),
            confidence="strong",
        )
    return Advice(
        code="overfit-one-batch",
        headline="Nothing is learnt: overfit one batch first.",
        reason=f"At step {loss.steps[-1]:.0f} accuracy {chance:.3f} and {loss.name} {end:.3g} are those of guessing.",
        tries=(CHECK, f"a learning rate {case.rate_words(0.1)}", f"a learning rate {case.rate_words(10)}"),
        confidence="strong",
    )


def rate_too_low(case: Case) -> Advice | None:
    """The loss falls as steadily at the end as at the beginning, and has fallen little: x is the rate spent so far."""
    told = case.train_loss
    if told is None or len(told) < 2 * FEW - 2 or rising_rate(case):
        return None
    spent = rate_spent(case, told)
    first, last = float(told.values[0]), float(told.values[-1])
    early, middle, late = (slope(spent[part], told.values[part]) for part in thirds(len(told)))
    fall = first - last
    small = 0 < fall < 0.35 * abs(first) and first > 0
    if not small or fall < 3 * CLEAR * told.noise or falling(told.values) < 0.9:
        return None
    if not (early < 0 and late < 0.6 * early and middle > 2 * min(early, late)):
        return None
    return Advice(
        code="learning-rate-too-low",
        headline="The learning rate is too low, or the training far too short.",
        reason=f"{told.name} fell from {first:.3g} to {last:.3g}, and at the end still as fast as at the beginning.",
        tries=(f"a learning rate {case.rate_words(10)}", "train several times as long"),
        confidence="strong" if late < 0.8 * early and falling(told.values) > 0.98 else "fair",
    )


def thirds(count: int) -> tuple[slice, slice, slice]:
    third = count // 3
    return slice(0, third), slice(third, count - third), slice(count - third, count)


def rising_rate(case: Case) -> bool:
    """The rate is still being warmed up, so that the curve says nothing of its height."""
    return (
        case.rate is not None
        and len(case.rate) > 1
        and case.rate.raw[-1] > 0.98 * case.rate.raw.max() > 1.5 * case.rate.raw[0]
    )


def rate_spent(case: Case, told: Trace) -> Numbers:
    """Steps, weighed by the rate where its curve is known."""
    if case.rate is None or len(case.rate) < 2 or case.rate.values.min() < 0 or not case.rate.values.any():
        return told.steps
    heights = np.interp(told.steps, case.rate.steps, case.rate.values)
    return np.concatenate([[0.0], np.cumsum(np.diff(told.steps) * (heights[1:] + heights[:-1]) / 2)])


def unsteady(case: Case) -> Advice | None:
    """The loss of the same held-out data jumps up and down, far from fitted, and goes nowhere: steps are too long."""
    told, loss = case.val_loss, case.train_loss
    if told is None or loss is None or min(len(told), len(loss)) < FEW + 2:
        return None
    half = told.values[len(told) // 2 :]
    level, jumps = float(np.median(half)), noise_of(half)
    learnt = loss.values[len(loss.values) // 2 :]
    nowhere = abs(halves_apart(half)) < 2 * jumps and halves_apart(learnt) > -0.1 * loss.tail()
    fitted = loss.tail() < 0.25 * float(loss.raw[: max(2, len(loss.raw) // 20)].max())
    if not nowhere or fitted or jumps < 0.12 * level:
        return None
    return Advice(
        code="learning-rate-too-high",
        headline="The learning rate is too high: the loss jumps instead of falling.",
        reason=f"In its second half {told.name} jumps by {jumps:.2g} a point around {level:.3g}, and {loss.name} stays"
        f" at {loss.tail():.3g}.",
        tries=(f"a learning rate {case.rate_words(1 / 3)}", "let the rate fall towards the end", "a larger batch"),
        confidence="fair",
    )


def halves_apart(values: Numbers) -> float:
    """How much higher the second half lies than the first."""
    middle = len(values) // 2
    return float(values[middle:].mean() - values[:middle].mean())


def over_fitting(case: Case) -> Advice | None:
    """The held-out loss has turned and risen while the training's went on falling."""
    told, loss = case.val_loss, case.train_loss
    if told is None or len(told) < FEW:
        return None
    even = smooth(told.values)
    place = int(np.argmin(even))
    after = len(told) - 1 - place
    low, end = float(even[place]), told.tail()
    sure = CLEAR * told.noise * (1 / window(len(told), 0.15) + 1 / 3) ** 0.5
    risen = end - low > max(sure, 0.08 * abs(low)) and after >= max(3, len(told) // 5)
    unknown = loss is None and from_the_start(told)
    if not risen or unknown or not still_falls(loss, told.steps[place]) or few_mistakes(case):
        return None
    told_by = accuracy_words(case, told.steps[place])
    return Advice(
        code="over-fitting",
        headline=f"Over-fitting since step {told.steps[place]:.0f}.",
        reason=f"Smoothed, {told.name} was lowest there, {low:.3g}, and has risen to {end:.3g}{told_by}.",
        tries=(
            f"keep the weights of step {told.steps[place]:.0f}, and stop there next time",
            "more augmentation",
            "more weight decay, dropout or label smoothing",
            "more images, or fewer trained layers",
        ),
        confidence="strong" if loss is not None and end > 1.15 * low else "fair",
    )


def still_falls(loss: Trace | None, since: float) -> bool:
    """The training loss is well below what it was then; true where it is not known."""
    if loss is None or len(loss) < 3:
        return True
    then = float(np.interp(since, loss.steps, smooth(loss.values)))
    return loss.tail() < min(0.85 * then, then - loss.mean_error(3))


def few_mistakes(case: Case) -> bool:
    """Hardly anything held out is mistaken, then and now: the loss is that of a handful of images, and says little."""
    told = case.val_accuracy
    return (
        told is not None
        and len(told) > 2
        and told.tail() > 0.95
        and float(smooth(told.values).max()) - told.tail() < 0.03
    )


def accuracy_words(case: Case, since: float) -> str:
    told = case.val_accuracy
    if told is None or len(told) < 2:
        return ""
    then, end = float(np.interp(since, told.steps, told.values)), told.tail()
    if end > then + 0.005:
        return f"; {told.name} still rose, {then:.3f} to {end:.3f}: surer of its mistakes, not more of them"
    return f"; {told.name} {then:.3f} then, {end:.3f} now"


def gap(case: Case) -> Advice | None:
    """Known by heart, and far from that on what is held out: variance."""
    seen, unseen = case.train_accuracy, case.val_accuracy
    if seen is None or unseen is None or min(len(seen), len(unseen)) < 4:
        return None
    known, held = seen.tail(), unseen.tail()
    late = unseen.values[len(unseen.values) // 2 :]
    rising = slope(np.arange(len(late), dtype=float), late) * len(late) > 0.03
    if known < 0.9 or known - held < 0.12 or rising:
        return None
    linear = case.baselines.get("linear")
    against = f"; a linear classifier has {linear:.3f}" if linear is not None and linear > held + 0.02 else ""
    return Advice(
        code="variance",
        headline="What is learnt does not carry over: too much freedom for so few images.",
        reason=f"{seen.name} {known:.3f}, {unseen.name} {held:.3f}, which no longer rises{against}.",
        tries=("more images", "more augmentation", "fewer trained layers, or a smaller network", "more weight decay"),
        confidence="strong" if known - held > 0.2 else "fair",
    )


def under_fitting(case: Case) -> Advice | None:
    """Even the training images are not learnt as well as a linear classifier does, and it no longer gets better."""
    seen, unseen, linear = case.train_accuracy, case.val_accuracy, case.baselines.get("linear")
    told = seen or unseen
    if told is None or linear is None or len(told) < FEW or told.tail() > linear - 0.03 or rises(told):
        return None
    if seen is None:
        return Advice(
            code="below-baseline",
            headline="A linear classifier on fixed features does better.",
            reason=f"{told.name} {told.tail():.3f} no longer rises; the linear baseline of the data is {linear:.3f}.",
            tries=("start from a pre-trained model", f"a learning rate {case.rate_words(0.3)}", CHECK),
        )
    return Advice(
        code="under-fitting",
        headline="Under-fitting: not even the training images are learnt as a linear classifier learns them.",
        reason=f"{seen.name} {seen.tail():.3f} no longer rises; the linear baseline of the data is {linear:.3f}.",
        tries=(
            "a larger or a pre-trained network",
            f"a learning rate {case.rate_words(3)}",
            "less regularisation",
            CHECK,
        ),
        confidence="strong",
    )


def rises(told: Trace) -> bool:
    """More is to be expected of it."""
    late = told.values[len(told.values) // 2 :]
    gain = slope(np.arange(len(late), dtype=float), late) * len(late)
    return gain > max(0.01, 2 * told.mean_error(len(late)))


def plateau(case: Case) -> Advice | None:
    """The training loss stands still far from zero, and so does what is held out: the last third brought nothing."""
    loss = case.train_loss
    if loss is None or len(loss) < 10 or rate_is_spent(case):
        return None
    third = len(loss) // 3
    last, middle = loss.values[-third:], loss.values[-2 * third : -third]
    before, after = float(middle.mean()), float(last.mean())
    start = float(loss.raw[: max(1, len(loss.raw) // 40)].mean())
    learnt = start - after
    still = abs(before - after) < max(0.01 * abs(start), loss.mean_error(third))
    seen = case.train_accuracy
    if not still or learnt < 0.1 * abs(start) or after < 0.15 * start or (seen and seen.tail() > 0.95):
        return None
    if case.val_accuracy and rises(case.val_accuracy):
        return None
    return Advice(
        code="plateau",
        headline=f"A plateau since about step {loss.steps[-2 * third]:.0f}.",
        reason=f"{loss.name} fell from {start:.3g} to {before:.3g}, and stands at {after:.3g} for the last third.",
        tries=(f"let the rate fall now: a learning rate {case.rate_words(0.1)}", "a larger network", "stop here"),
        confidence="fair",
    )


def rate_is_spent(case: Case) -> bool:
    """The rate has come down to little: that nothing moves any more is what was wanted."""
    return case.rate is not None and len(case.rate) > 1 and case.rate.raw[-1] < 0.2 * case.rate.raw.max()


def too_short(case: Case) -> Advice | None:
    """What is held out was still getting better, clearly, when it ended."""
    told = case.val_accuracy
    if told is None or len(told) < FEW or told.tail() > 0.98:
        return None
    third = max(3, len(told) // 3)
    late = told.values[-third:]
    gain = slope(np.arange(third, dtype=float), late) * third
    if (
        gain < 0.03
        or halves_apart(late) < 0.02
        or gain < CLEAR * told.noise
        or falling(-late) < 0.8
        or late[-1] < told.values.max() - told.noise
    ):
        return None
    return Advice(
        code="train-longer",
        headline="It was still getting better: train longer.",
        reason=f"{told.name} rose by {gain:.3f} over the last {third} points, to {late[-1]:.3f}.",
        tries=("twice as many epochs", f"a learning rate {case.rate_words(2)}"),
        confidence="fair",
    )
