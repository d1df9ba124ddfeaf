"""chainrule's estimators beside scikit-learn's and skorch: `python -m benchmarks.estimators`."""
