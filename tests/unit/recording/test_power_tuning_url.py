"""The chart's URL is the one that aws-lambda-power-tuning's page decodes."""

from tuner.recording.power_tuning import SizePoint, chart_url


def test_the_url_is_the_one_that_the_page_decodes() -> None:
    points = [
        SizePoint(m, t, c)
        for m, t, c in zip(
            (1536, 128, 256, 512, 1024),
            (2.1, 16, 8, 4, 2.8),
            (0.012, 0.01, 0.008, 0.005, 0.009),
            strict=True,
        )
    ]
    assert chart_url(points) == (
        "https://lambda-power-tuning.show/#gAAAAQACAAQABg==;"
        "AACAQQAAAEEAAIBAMzMzQGZmBkA=;CtcjPG8SAzwK16M7vHQTPKabRDw="
    )


def test_in_china_the_page_is_told_the_currency() -> None:
    url = chart_url([SizePoint(10_240, 3.0, 1e-6)], region="cn-north-1")
    assert url is not None
    assert url.startswith("https://lambda-power-tuning.show/?currency=CNY#ACg=;")


def test_without_points_there_is_no_url() -> None:
    assert chart_url([]) is None
