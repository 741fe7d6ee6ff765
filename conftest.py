"""The CDK's standard tests, whoever runs them: integration_tests/, or `airbyte-cdk connector test` with a suite that it
writes into .tmp/. They test the connector on the emulator, whatever the folder of the checkout is called.
"""

from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

from integration_tests.emulated import emulated_source

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]

# The CDK would derive the class from the name of the folder.
SourceTestSuiteBase.connector = staticmethod(emulated_source)
