# An example: an image that holds the package and runs its demonstration.
#
#     docker build -t empathymodels .
#     docker run --name first-look empathymodels
#     docker cp first-look:/results .
#
# Any other command of the package is named after the image: docker run --rm empathymodels list
FROM python:3.13-slim

WORKDIR /package
COPY LICENSE README.md pyproject.toml ./
COPY data data
COPY empathymodels empathymodels
RUN pip install --no-cache-dir '.[zarr]'

RUN useradd --create-home person && mkdir /results && chown person /results
USER person
WORKDIR /results
ENTRYPOINT ["empathymodels"]
CMD ["demo", "--out", "/results"]
