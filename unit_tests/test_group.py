"""One limit, by the moments at which it is told: how many requests go at once, and how long the next one waits."""

import pytest

from source_closeio.pacing import COUNTED, JITTER, MARGIN, Allowance, Group, Sent

OK = Allowance()


def at_once(group: Group, now: float) -> int:
    """So many requests go at this moment."""
    went = 0
    while not group.wait(now):
        group.take(now)
        went += 1
    return went


def answered(group: Group, now: float, said: Allowance, at: float | None = None) -> Sent:
    """A request goes, and its answer comes."""
    sent = group.take(now if at is None else at)
    group.learn(now, sent, said)
    return sent


def spacing(group: Group) -> float:
    """Seconds from one request to the next, of those that stand in line."""
    return group.wait(0.0, 10_001) - group.wait(0.0, 10_000)


def pace(group: Group) -> float:
    return 1 / spacing(group)


# Of which no limit is known


def test_half_a_window_goes_at_once_and_then_one_each_step() -> None:
    group = Group(start=10, most=100)

    assert at_once(group, 0.0) == 6
    assert group.wait(0.0) == pytest.approx(0.1 - JITTER / 2)
    assert group.wait(0.0, 3) == pytest.approx(0.4 - JITTER / 2)
    now = 0.1 - JITTER / 2 + 1e-6
    assert at_once(group, now) == 1
    assert group.wait(now) == pytest.approx(0.1, abs=2e-6)


def test_no_more_than_a_window_holds_goes_within_it() -> None:
    group = Group(start=4, most=100)
    for now in (0.0, 0.2, 0.4, 0.6):
        assert not group.wait(now) or now == 0.6
        group.take(now)

    assert group.wait(0.7) == pytest.approx(1 + JITTER / 2 - 0.7)
    assert group.wait(0.7, 1) == pytest.approx(1 + JITTER / 2 - 0.7 + 0.25)
    assert group.wait(1.02) == 0
    group.take(1.02)
    assert group.wait(1.03) == pytest.approx(1 + JITTER / 2 + 0.25 - 1.03)


def test_a_group_that_rested_has_no_more_than_half_a_window_saved() -> None:
    group = Group(start=10, most=100)
    at_once(group, 0.0)

    assert at_once(group, 50.0) == 6
    assert Group(start=10, most=100).wait(0.0, 200) == pytest.approx(200 * 0.1 - 10)


def test_the_pace_grows_by_half_with_each_answer_up_to_the_most() -> None:
    group = Group(start=8, most=20)
    assert group.take(0.0) == Sent(1, 0.0)
    assert group.take(0.5) == Sent(2, 0.5)
    paces = []
    for now in range(4):
        paces.append(pace(group))
        answered(group, float(now), OK)

    assert paces == pytest.approx([8, 12, 18, 20])
    assert Group(start=30, most=20).wait(9.0, 1000) == pytest.approx(1000 / 20 - 19)


def test_answers_that_say_nothing_let_no_request_go_before_its_step() -> None:
    group = Group(start=10, most=10)
    for each in [group.take(0.0) for _ in range(9)]:
        group.learn(0.01, each, OK)

    assert group.wait(0.01) == pytest.approx(0.09)


def test_a_refusal_halves_the_pace_once_and_then_it_grows_by_one_each_second() -> None:
    group = Group(start=10, most=100)
    sent = [group.take(0.01 * number) for number in range(16)]
    group.learn(1.0, sent[0], Allowance(refused_for=0.5))
    assert pace(group) == pytest.approx(5)
    for each in sent[1:]:
        group.learn(1.1, each, Allowance(refused_for=0.5))
    assert pace(group) == pytest.approx(5), "they left before it was slowed"
    answered(group, 2.0, OK)
    assert pace(group) == pytest.approx(5 + 1 / 5)


def test_a_pace_that_was_refused_is_no_more_than_what_went_and_no_less_than_one() -> None:
    for went, allowed in ((8, 4), (3, 1.5), (1, 1)):
        group = Group(start=10, most=100)
        sent = [group.take(5.0) for _ in range(went)]
        group.learn(5.5, sent[0], Allowance(refused_for=0.0))
        assert pace(group) == pytest.approx(allowed)


def test_a_refusal_holds_the_group_up_from_when_its_request_left() -> None:
    group = Group(start=10, most=100)
    sent = group.take(3.0)
    group.learn(4.0, sent, Allowance(refused_for=7.0))
    other = group.take(3.5)
    group.learn(4.0, other, Allowance(refused_for=2.0))

    assert group.wait(4.0) == pytest.approx(6 + JITTER / 2)
    assert group.wait(10.1) == 0
    assert group.wait(4.0, 1) == pytest.approx(6 + JITTER / 2 + 1)
    assert group.wait(10.1, 1) == pytest.approx(1 - (10.1 - 10 - JITTER / 2)), "who stood in line goes step by step"


# Of which a limit is known


@pytest.mark.parametrize(
    ("said", "step"),
    [
        (Allowance(10, None, 5.0), (5 + 5 * MARGIN) / 10),
        (Allowance(10, None, 0.5), (0.5 + JITTER) / 10),
        (Allowance(10, None, None), (1 + JITTER) / 10),
        (Allowance(10, 9, None), (1 + JITTER) / 10),
        (Allowance(10, None, 5.0, window=8.0), (8 + 8 * MARGIN) / 10),
        (Allowance(10, 9, 5.0), 5 + 5 * MARGIN),
    ],
)
def test_a_window_is_what_an_answer_says_or_its_reset_and_a_bucket_gives_one_in_each_reset(
    said: Allowance, step: float
) -> None:
    group = Group()
    answered(group, 0.0, said)

    assert spacing(group) == pytest.approx(step)


def test_a_window_that_was_told_grows_with_a_longer_reset_and_not_with_a_shorter_one() -> None:
    group = Group()
    for reset, window in ((5.0, 8.0), (9.0, 9.0), (3.0, 9.0)):
        answered(group, 0.0, Allowance(10, None, reset, window=8.0 if reset == 5.0 else None))
        assert spacing(group) == pytest.approx(window * (1 + MARGIN) / 10)


def test_the_most_that_is_allowed_holds_where_the_limit_is_higher() -> None:
    group = Group(start=2, most=2)
    answered(group, 0.0, Allowance(100, None, 5.0))

    assert spacing(group) == pytest.approx(1 / 2)


def test_refusals_take_a_twentieth_of_the_pace_and_a_single_one_a_fiftieth() -> None:
    group = Group()
    answered(group, 0.0, Allowance(10, None, 1.0))
    whole = spacing(group)
    answered(group, 1.0, Allowance(refused_for=0.0))
    assert spacing(group) == pytest.approx(whole / 0.95)
    answered(group, 2.0, Allowance(refused_for=0.0))
    assert spacing(group) == pytest.approx(whole / 0.95**2)
    share = 0.95**2
    for number in range(1, 52):
        answered(group, 3.0, OK)
        share = min(1.0, share + 3e-4 * (1 + number / 50))
    assert spacing(group) == pytest.approx(whole / share)
    answered(group, 4.0, Allowance(refused_for=0.0))
    assert spacing(group) == pytest.approx(whole / share / 0.98)
    answered(group, 5.0, OK)
    assert spacing(group) == pytest.approx(whole / (share * 0.98 + 3e-4 * (1 + 1 / 50)))


def test_fifty_answers_do_not_make_a_refusal_a_single_one() -> None:
    group = Group()
    answered(group, 0.0, Allowance(10, None, 1.0))
    whole = spacing(group)
    for _ in range(49):
        answered(group, 1.0, OK)
    answered(group, 2.0, Allowance(refused_for=0.0))

    assert spacing(group) == pytest.approx(whole / 0.95)


def test_the_share_of_the_limit_is_a_tenth_at_least_and_the_whole_at_most() -> None:
    group = Group()
    answered(group, 0.0, Allowance(10, None, 1.0))
    whole = spacing(group)
    for number in range(60):
        answered(group, float(number + 1), Allowance(refused_for=0.0))
    assert spacing(group) == pytest.approx(whole / 0.1)
    for _ in range(1000):
        answered(group, 100.0, OK)
    assert spacing(group) == pytest.approx(whole)


def test_what_left_before_the_pace_was_slowed_slows_it_no_more() -> None:
    group = Group()
    answered(group, 0.0, Allowance(10, None, 1.0))
    whole = spacing(group)
    early, late = group.take(0.5), group.take(1.0)
    group.learn(1.0, early, Allowance(refused_for=0.0))
    group.learn(1.5, early, Allowance(refused_for=0.0))
    assert spacing(group) == pytest.approx(whole / 0.95)
    group.learn(1.6, late, Allowance(refused_for=0.0))
    assert spacing(group) == pytest.approx(whole / 0.95**2)


def test_what_left_before_a_limit_was_known_does_not_slow_it() -> None:
    group = Group()
    early = group.take(0.5)
    answered(group, 1.0, Allowance(10, None, 1.0))
    whole = spacing(group)
    group.learn(1.5, early, Allowance(refused_for=0.0))

    assert spacing(group) == pytest.approx(whole)


def test_a_refusal_that_tells_the_limit_first_does_not_slow_it() -> None:
    group = Group()
    answered(group, 0.5, Allowance(10, None, 1.0, refused_for=0.0), at=0.0)

    assert spacing(group) == pytest.approx((1 + JITTER) / 10)


def test_of_a_limit_of_one_nothing_is_saved_for_the_next_window() -> None:
    group = Group()
    answered(group, 0.0, Allowance(1, None, 10.0))

    assert group.wait(0.1) == pytest.approx(10.2 - JITTER / 2 - 0.1)


# What is left


def test_what_is_left_goes_at_once_but_for_a_sixteenth_that_goes_step_by_step() -> None:
    group = Group()
    answered(group, 0.0, Allowance(33, 20, 5.0))

    assert group.wait(0.0, 17) == 0
    assert group.wait(0.0, 18) == pytest.approx(18 * 5.1 + 0.1 - (1 + JITTER) / 2)


def test_a_bucket_of_which_nothing_is_left_is_asked_again_at_its_reset_by_one() -> None:
    for under_way, seconds in ((0, 2 + JITTER / 2), (1, 5.1)):
        group = Group()
        answered(group, 0.0, Allowance(10, 9, 5.0))
        answered(group, 1.0, Allowance(10, 0, 2.0))
        for _ in range(under_way):
            group.take(1.0)
        assert group.wait(1.0) == pytest.approx(seconds)


def test_a_refusal_holds_a_bucket_up_for_as_long_as_it_says_though_its_reset_is_earlier() -> None:
    group = Group()
    answered(group, 0.0, Allowance(10, 0, 2.0, refused_for=7.0))

    assert group.wait(0.0) == pytest.approx(7 + JITTER / 2)


def test_nothing_goes_before_the_reset_where_nothing_is_left() -> None:
    group = Group()
    answered(group, 2.0, Allowance(10, 0, 4.0), at=1.0)

    assert group.wait(2.0) == pytest.approx(1 + 4 + JITTER / 2 - 2)


def test_what_is_under_way_is_not_left_until_it_must_have_been_counted() -> None:
    group = Group()
    for _ in range(3):
        group.take(0.0)
    sent = group.take(0.1)
    group.learn(0.2, sent, Allowance(100, 40, 5.0))
    assert group._left == 40 - 3
    sent = group.take(COUNTED)
    group.learn(COUNTED, sent, Allowance(100, 40, 5.0))
    assert group._left == 40 - 3
    sent = group.take(COUNTED + 0.05)
    group.learn(COUNTED + 0.05, sent, Allowance(100, 38, 5.0))
    assert group._left == 38
    group.take(COUNTED + 0.05)
    assert group._left == 37


def test_of_one_window_the_least_that_is_left_and_the_earliest_end_count() -> None:
    group = Group()
    first, second, third, fourth = (group.take(0.0) for _ in range(4))
    group.learn(0.1, first, Allowance(10, 6, 5.0))
    group.learn(0.1, third, Allowance(10, 8, 5.0 + JITTER))
    assert [group._remaining, group._left_until] == pytest.approx([6, 5 + JITTER / 2])
    group.learn(0.1, second, Allowance(10, 1, 3.0))
    assert group._remaining == 6, "a later request has been answered"
    group.learn(0.1, fourth, Allowance(10, 9, 5.0 + 2.5 * JITTER))
    assert [group._remaining, group._left_until] == pytest.approx([9, 5 + 3 * JITTER])


def test_a_new_limit_makes_the_comparison_begin_anew() -> None:
    group = Group()
    answered(group, 0.0, Allowance(10, 9, 5.0))
    assert (group._since, group._since_left) == (Sent(1, 0.0), 9)
    answered(group, 1.0, Allowance(10, 8, 5.0))
    assert (group._since, group._since_left) == (Sent(1, 0.0), 9)
    answered(group, 2.0, Allowance(20, 19, 5.0))
    assert (group._since, group._since_left) == (Sent(3, 2.0), 19)
    assert group._span_began == 2.0
    answered(group, 22.0, Allowance(20, 18, 5.0))
    assert group._since == Sent(3, 2.0)
    answered(group, 22.1, Allowance(20, 17, 5.0))
    assert (group._since, group._since_left) == (Sent(5, 22.1), 17)


def test_more_than_a_bucket_could_give_back_is_a_window() -> None:
    """Of 40 with a reset of 5 s a bucket gives 3 in 10 s at the most believed, and 10 are doubted besides."""
    for more, is_window in ((13, False), (14, True)):
        group = Group()
        answered(group, 0.0, Allowance(40, 20, 5.0))
        answered(group, 10.0, Allowance(40, 19 + more, 5.0))
        assert (group._window == 5.0) is is_window
        assert group._next <= 10.0 or not is_window


def test_of_a_small_limit_three_are_doubted() -> None:
    for more, is_window in ((6, False), (7, True)):
        group = Group()
        answered(group, 0.0, Allowance(10, 2, 5.0))
        answered(group, 10.0, Allowance(10, 1 + more, 5.0))
        assert (group._window == 5.0) is is_window


def test_what_is_under_way_did_not_come_back() -> None:
    group = Group()
    answered(group, 0.0, Allowance(40, 20, 5.0))
    group.take(9.5)
    answered(group, 10.0, Allowance(40, 19 + 14, 5.0))
    assert group._window == 5.0
    group = Group()
    answered(group, 0.0, Allowance(40, 20, 5.0))
    group.take(9.5)
    answered(group, 10.0, Allowance(40, 19 + 13, 5.0))
    assert group._window is None


@pytest.mark.parametrize(
    ("left", "sent", "seconds", "shorter"),
    [
        (11, 19, 51.0, True),
        (10, 19, 51.0, False),
        (11, 15, 51.0, False),
        (11, 16, 51.0, True),
        (11, 19, 50.9, False),
    ],
)
def test_a_window_of_which_half_is_always_left_at_full_pace_is_taken_for_too_long(
    left: int, sent: int, seconds: float, shorter: bool
) -> None:
    group = Group()
    answered(group, 3.0, Allowance(20, 20, 0.4, window=50.0))
    group._least_left = 20
    for _ in range(sent - 1):
        group.take(30.0)
    answered(group, 3 + seconds, Allowance(20, left, 0.2))

    assert (group._window is None) is shorter
    if shorter:
        assert (group._longest_reset, group._span_began) == (0.4, 3 + seconds)
        assert (group._least_left, group._span_reset) == (left, 0.2)


def test_the_first_window_is_not_judged_since_nobody_saw_its_beginning() -> None:
    group = Group()
    answered(group, 0.0, Allowance(1, 1, 3.0, window=10.0))
    answered(group, 10.3, Allowance(1, 1, 2.0))

    assert group._window == 10.0


def test_an_answer_that_could_have_said_more_and_did_not_is_followed_by_another() -> None:
    group = Group()
    answered(group, 0.0, Allowance(160, 0, 5.0))
    waiting = group.take(0.0)
    group.take(1.0)
    group.learn(6.0, waiting, OK)
    assert group._next <= 6.0

    group = Group()
    answered(group, 0.0, Allowance(160, 9, 5.0))
    group.take(4.5)
    before, sent = group._next, group.take(5.0)
    group.learn(5.1, sent, OK)
    assert group._next > before, "another is under way, and may say it"
