"""The package and its commands; tool settings are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

setup(
    name="source-closeio",
    version="0.1.0",
    description="Airbyte source connector for Close CRM that loses no record, with an emulator of Close to try it on.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["source_closeio", "source_closeio.*", "close_emulator", "close_emulator.*"]),
    package_data={
        "source_closeio": ["spec.json", "schemas/*.json", "py.typed"],
        "close_emulator": ["README.md", "py.typed"],
        "close_emulator.lists": ["rows/**/*.jsonl"],
    },
    python_requires=">=3.10,<3.14",
    install_requires=[
        # Measured against this release, and some of its joints are used closely: see docs/decisions/.
        "airbyte-cdk>=7.39.1,<7.40",
        "orjson>=3.10.7,<4",
        "pendulum>=3.0,<4",
        "requests>=2.31,<3",
    ],
    extras_require={
        "dev": [
            # Airbyte's schemas: of metadata.yaml, and of the protocol's messages, which the CDK has a copy of.
            "airbyte-connector-models>=0.1.12,<0.2; python_version < '3.13'",
            "airbyte-protocol-models-pdv2>=0.18,<0.19",
            "docker>=7.1,<8",
            "hypothesis>=6.100,<7",
            "jsonschema>=4.17.3,<5",
            "mypy>=2.4,<3",
            "pytest>=8,<10",
            "pytest-xdist>=3.8,<4",
            "requests-mock>=1.12,<2",
            "rfc3339-validator>=0.1.4,<1",
            "ruff>=0.17.6,<0.18",
            "types-requests>=2.31,<3",
            "uv>=0.13,<0.14",
        ],
        # For `make mutants` only.
        "mutants": ["mutmut>=3.8.1,<4"],
    },
    entry_points={
        "console_scripts": [
            "source-closeio=source_closeio.run:main",
            "tap-closeio=source_closeio.singer.cli:main",
        ],
    },
)
