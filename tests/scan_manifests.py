"""One small file of each format that names packages, and what it names."""

from __future__ import annotations

FORMATS: dict[str, tuple[str, set[str]]] = {
    "app/requirements.txt": (
        """\
# dlib
Face_Recognition==1.3.0 --hash=sha256:aa
insightface[gpu]>=0.7 ; python_version > '3.8'  # why
-r requirements-dev.txt
git+https://user:secret@github.com/timesler/facenet-pytorch.git@main#egg=facenet-pytorch
--index-url https://x
deepface @ https://files.example/deepface-0.0.79-py3-none-any.whl
./local/dlib
https://x/y/uniface-1.0.0-py3-none-any.whl
""",
        {
            "github:timesler/facenet-pytorch@", "pypi:deepface@0.0.79", "pypi:face-recognition@1.3.0",
            "pypi:facenet-pytorch@", "pypi:insightface@", "pypi:uniface@1.0.0"
        },
    ),
    "requirements-dev.lock": (
        "dlib==19.24\n",
        {
            "pypi:dlib@19.24"
        },
    ),
    "pyproject.toml": (
        """\
[project]
name="mine"
version="1"
dependencies=["deepface==0.0.79"]
[project.optional-dependencies]
x=["dlib"]
[dependency-groups]
dev=["uniface",{include-group="x"}]
[build-system]
requires=["hatchling"]
[tool.poetry.dependencies]
python="^3"
insightface={version="0.7.3"}
own={git="https://github.com/a/own.git"}
[tool.poetry.group.test.dependencies]
fer="*"
[tool.pdm.dev-dependencies]
t=["py-feat"]
[tool.uv]
dev-dependencies=["arcface"]
""",
        {
            "github:a/own@", "pypi:arcface@", "pypi:deepface@0.0.79", "pypi:dlib@", "pypi:fer@", "pypi:hatchling@",
            "pypi:insightface@0.7.3", "pypi:mine@1", "pypi:own@", "pypi:py-feat@", "pypi:uniface@"
        },
    ),
    "setup.cfg": (
        """\
[metadata]
name = mine
[options]
install_requires =
  dlib>=19
  deepface
[options.extras_require]
x = uniface
""",
        {
            "pypi:deepface@", "pypi:dlib@", "pypi:mine@", "pypi:uniface@"
        },
    ),
    "setup.py": (
        """\
import os; os.system('false')
BASE = ['dlib==19.24']
setuptools.setup(name='mine', install_requires=BASE + ['deepface'], extras_require={'x': ['fer']})""",
        {
            "pypi:deepface@", "pypi:dlib@19.24", "pypi:fer@", "pypi:mine@"
        },
    ),
    "Pipfile": (
        """\
[packages]
dlib="==19.24"
[dev-packages]
fer="*"
""",
        {
            "pypi:dlib@19.24", "pypi:fer@"
        },
    ),
    "Pipfile.lock": (
        '{"default":{"dlib":{"version":"==19.24"}},"develop":{}}',
        {
            "pypi:dlib@19.24"
        },
    ),
    "poetry.lock": (
        """\
[[package]]
name="deepface"
version="0.0.79"
[package.dependencies]
retina-face=">=1"
[[package]]
name="retina-face"
version="0.0.17"
""",
        {
            "pypi:deepface@0.0.79", "pypi:retina-face@0.0.17"
        },
    ),
    "uv.lock": (
        """\
version=1
[[package]]
name="mine"
version="0.1"
source={editable="."}
dependencies=[{name="dlib"}]
[[package]]
name="dlib"
version="20.0"
source={git="https://github.com/davisking/dlib?rev=1#2"}
""",
        {
            "github:davisking/dlib@", "pypi:dlib@20.0", "pypi:mine@0.1"
        },
    ),
    "pdm.lock": (
        """\
[[package]]
name="dlib"
version="1"
dependencies=["numpy>=1"]
""",
        {
            "pypi:dlib@1"
        },
    ),
    "pylock.toml": (
        """\
[[packages]]
name="dlib"
version="1"
""",
        {
            "pypi:dlib@1"
        },
    ),
    "environment.yml": (
        """\
name: x
dependencies:
  - conda-forge::dlib=19.24=py311
  - face_recognition>=1
  - pip:
    - deepface==0.0.79
""",
        {
            "conda:dlib@19.24", "conda:face_recognition@", "pypi:deepface@0.0.79"
        },
    ),
    "conda-lock.yml": (
        """\
package:
- {name: dlib, version: 1.10, manager: conda, dependencies: {libblas: ''}}
- {name: fer, version: '2', manager: pip}
""",
        {
            "conda:dlib@1.10", "pypi:fer@2"
        },
    ),
    "env/conda-meta/dlib-19.json": (
        '{"name":"dlib","version":"19","depends":["libblas >=3"]}',
        {
            "conda:dlib@19"
        },
    ),
    "v/site-packages/deepface-0.0.79.dist-info/METADATA": (
        """\
Metadata-Version: 2.1
Name: deepface
Version: 0.0.79
Requires-Dist: retina-face>=0.0.1
Requires-Dist: fer; extra == 'x'

Name: dlib
""",
        {
            "pypi:deepface@0.0.79", "pypi:retina-face@"
        },
    ),
    "a.tar.gz!/x-1/PKG-INFO": (
        """\
Name: dlib
Version: 19.24.6
""",
        {
            "pypi:dlib@19.24.6"
        },
    ),
    "x/face_x-1.0-py3.11.egg-info/requires.txt": (
        """\
dlib>=19

[gpu]
fer
""",
        {
            "pypi:dlib@", "pypi:face-x@"
        },
    ),
    "package.json": (
        """\
{
 "name": "app",
 "dependencies": {
  "face-api.js": "^0.22.2",
  "f": "npm:@vladmandic/human@3.0.0"
 },
 "devDependencies": {
  "g": "owner/repo#main"
 }
}
""",
        {
            "github:owner/repo@", "npm:@vladmandic/human@3.0.0", "npm:app@", "npm:face-api.js@", "npm:g@"
        },
    ),
    "w/node_modules/@vladmandic/face-api/package.json": (
        """\
{
 "name": "@vladmandic/face-api",
 "version": "1.7.13",
 "dependencies": {
  "x": "1.0.0"
 },
 "devDependencies": {
  "face-api.js": "1"
 }
}
""",
        {
            "npm:@vladmandic/face-api@1.7.13", "npm:x@1.0.0"
        },
    ),
    "package-lock.json": (
        """\
{
 "lockfileVersion": 3,
 "packages": {
  "": {
   "name": "app",
   "dependencies": {
    "a": "1"
   }
  },
  "node_modules/a": {
   "version": "1.0.0",
   "dependencies": {
    "face-api.js": "1"
   }
  },
  "node_modules/a/node_modules/face-api.js": {
   "version": "0.22.2",
   "resolved": "git+ssh://git@github.com/j/face-api.js.git#1"
  },
  "ws": {
   "link": true
  }
 }
}
""",
        {
            "github:j/face-api.js@", "npm:a@1.0.0", "npm:app@", "npm:face-api.js@0.22.2"
        },
    ),
    "npm-shrinkwrap.json": (
        """\
{
 "lockfileVersion": 1,
 "dependencies": {
  "a": {
   "version": "1.0.0",
   "requires": {
    "b": "1"
   },
   "dependencies": {
    "b": {
     "version": "2.0.0"
    }
   }
  }
 }
}
""",
        {
            "npm:a@1.0.0", "npm:b@2.0.0"
        },
    ),
    "yarn.lock": (
        """\
# yarn lockfile v1

"@vladmandic/face-api@^1.7", "@vladmandic/face-api@^1":
  version "1.7.13"
  resolved "https://x"
  dependencies:
    b "^1"

alias@npm:face-api.js@^0.22:
  version "0.22.2"
""",
        {
            "npm:@vladmandic/face-api@1.7.13", "npm:face-api.js@0.22.2"
        },
    ),
    "sub/yarn.lock": (
        """\
__metadata:
  version: 6

"face-api.js@npm:^0.22":
  version: 0.22.2
  resolution: "face-api.js@npm:0.22.2"
  dependencies:
    b: "npm:^1"

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    face-api.js: "npm:^0.22"
""",
        {
            "npm:app@", "npm:face-api.js@0.22.2"
        },
    ),
    "pnpm-lock.yaml": (
        """\
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      face-api.js: {specifier: ^0.22.2, version: 0.22.2(x@1)}
packages:
  face-api.js@0.22.2: {resolution: {integrity: x}}
snapshots:
  face-api.js@0.22.2(x@1):
    dependencies: {b: 1.0.0}
""",
        {
            "npm:face-api.js@0.22.2"
        },
    ),
    "old/pnpm-lock.yaml": (
        """\
lockfileVersion: 5.4
dependencies:
  a: 1.0.0
packages:
  /a/1.0.0:
    dependencies: {'@b/c': 2.0.0}
  /@b/c/2.0.0_x@1: {dev: false}
""",
        {
            "npm:@b/c@2.0.0", "npm:a@1.0.0"
        },
    ),
    "six/pnpm-lock.yaml": (
        """\
lockfileVersion: '6.0'
packages:
  /@b/c@2.0.0(x@1):
    dev: false
""",
        {
            "npm:@b/c@2.0.0"
        },
    ),
    "bun.lock": (
        """\
{"workspaces":{"":{"name":"app","dependencies":{"a":"1"}},},
"packages":{"a":["a@1.0.0","",{"dependencies":{"b":"1"}},
"sha"],},}
""",
        {
            "npm:a@", "npm:a@1.0.0"
        },
    ),
    "var/lib/dpkg/status": (
        """\
Package: libdlib19.1
Status: install ok installed
Version: 19.24-1
Depends: libc6 (>= 2), a | b,
 c

Package: gone
Status: deinstall ok config-files
""",
        {
            "deb:libdlib19.1@19.24-1"
        },
    ),
    "var/lib/dpkg/status.d/libdlib": (
        """\
Package: libdlib
Version: 1
""",
        {
            "deb:libdlib@1"
        },
    ),
    "lib/apk/db/installed": (
        """\
C:Q1
P:dlib
V:19-r0
D:so:libc.so musl>=1

P:b
V:1

""",
        {
            "apk:b@1", "apk:dlib@19-r0"
        },
    ),
    "pom.xml": (
        """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
<groupId>me</groupId>
<artifactId>app</artifactId>
<version>1</version>
<properties>
<v>4.5.5</v></properties>
<dependencies>
<dependency>
<groupId>org.openpnp</groupId>
<artifactId>opencv</artifactId>
<version>${v}</version></dependency></dependencies></project>
""",
        {
            "maven:me:app@1", "maven:org.openpnp:opencv@4.5.5"
        },
    ),
    "app/build.gradle": (
        """\
dependencies {
  implementation 'com.x:face:1.2.3@aar'
  // implementation 'com.x:gone:1'
  api(group: 'com.y', name: 'kit', version: '2.0')
}""",
        {
            "maven:com.x:face@1.2.3", "maven:com.y:kit@2.0"
        },
    ),
    "build.gradle.kts": (
        'implementation("com.x:face:$v")',
        {
            "maven:com.x:face@"
        },
    ),
    "gradle.lockfile": (
        """\
# c
com.x:face:1.2.3=compileClasspath
empty=
""",
        {
            "maven:com.x:face@1.2.3"
        },
    ),
    "gradle/libs.versions.toml": (
        """\
[versions]
v="1.2.3"
[libraries]
a={module="com.x:face",version.ref="v"}
b="com.y:kit:2.0"
c={group="g",name="n",version="1"}
""",
        {
            "maven:com.x:face@1.2.3", "maven:com.y:kit@2.0", "maven:g:n@1"
        },
    ),
    "x.jar!/META-INF/maven/com.x/face/pom.properties": (
        """\
#c
groupId=com.x
artifactId=face
version=1
""",
        {
            "maven:com.x:face@1"
        },
    ),
    "packages.config": (
        '<packages><package id="DlibDotNet" version="19.21.0"/></packages>',
        {
            "nuget:dlibdotnet@19.21.0"
        },
    ),
    "App.csproj": (
        """\
<Project>
<ItemGroup>
<PackageReference Include="FaceRecognitionDotNet" Version="1.3.0"/>
<PackageReference Include="B">
<Version>2.0</Version></PackageReference></ItemGroup></Project>
""",
        {
            "nuget:b@2.0", "nuget:facerecognitiondotnet@1.3.0"
        },
    ),
    "packages.lock.json": (
        """\
{
 "dependencies": {
  "net8.0": {
   "DlibDotNet": {
    "type": "Direct",
    "resolved": "19.21.0",
    "dependencies": {
     "B": "1"
    }
   }
  }
 }
}
""",
        {
            "nuget:dlibdotnet@19.21.0"
        },
    ),
    "app.deps.json": (
        """\
{
 "targets": {
  "n": {
   "App/1": {
    "dependencies": {
     "B": "2"
    }
   }
  }
 },
 "libraries": {
  "App/1": {
   "type": "project"
  },
  "B/2": {
   "type": "package"
  }
 }
}
""",
        {
            "nuget:app@1", "nuget:b@2"
        },
    ),
    "x.nuspec": (
        """\
<package>
<metadata>
<id>DlibDotNet</id>
<version>1</version>
<dependencies>
<group>
<dependency id="B" version="[2.0]"/></group></dependencies></metadata></package>
""",
        {
            "nuget:b@2.0", "nuget:dlibdotnet@1"
        },
    ),
    "go.mod": (
        """\
module github.com/me/app

require (
\tgithub.com/Kagami/go-face v0.0.0-2021 // indirect
\tx.org/y/v2 v2.0.1
)
replace a.b/c => d.e/f v1
""",
        {
            "golang:github.com/Kagami/go-face@0.0.0-2021", "golang:x.org/y@2.0.1"
        },
    ),
    "go.sum": (
        """\
github.com/Kagami/go-face v0.1.0 h1:x=
github.com/Kagami/go-face v0.1.0/go.mod h1:y=
z.org/only v1.0.0/go.mod h1:z=
""",
        {
            "golang:github.com/Kagami/go-face@0.1.0"
        },
    ),
    "vendor/modules.txt": (
        """\
# github.com/Kagami/go-face v0.1.0
## explicit
github.com/x
""",
        {
            "golang:github.com/Kagami/go-face@0.1.0"
        },
    ),
    "Cargo.toml": (
        """\
[package]
name="app"
version="0.1.0"
[dependencies]
rustface="0.1"
x={package="dlib_face",version="=1.0.0",git="https://github.com/a/b"}
""",
        {
            "cargo:app@0.1.0", "cargo:dlib-face@1.0.0", "cargo:rustface@", "github:a/b@"
        },
    ),
    "Cargo.lock": (
        """\
[[package]]
name="app"
version="0.1.0"
dependencies=["dlib 1.0"]
[[package]]
name="dlib"
version="1.0"
source="registry"
""",
        {
            "cargo:app@0.1.0", "cargo:dlib@1.0"
        },
    ),
    "Podfile": (
        """\
target 'x' do
  pod 'FaceKit/Core', '1.0'
  # pod 'Gone'
end
""",
        {
            "cocoapods:FaceKit@1.0"
        },
    ),
    "Podfile.lock": (
        """\
PODS:
  - FaceKit/Core (1.0):
    - Dep (= 2)
  - Dep (2)
DEPENDENCIES:
  - FaceKit/Core (~> 1)
""",
        {
            "cocoapods:Dep@2", "cocoapods:FaceKit@1.0"
        },
    ),
    "Package.resolved": (
        """\
{
 "pins": [
  {
   "identity": "kit",
   "location": "https://github.com/A/Kit.git",
   "state": {
    "version": "1.0"
   }
  }
 ],
 "version": 2
}
""",
        {
            "swift:a/kit@1.0"
        },
    ),
    "Package.swift": (
        '.package(name: "x", url: "https://github.com/A/Kit", from: "1.0")',
        {
            "swift:a/kit@"
        },
    ),
    "Gemfile": (
        """\
gem "rails", "7.0"
  gem "face", group: :x
""",
        {
            "gem:face@", "gem:rails@7.0"
        },
    ),
    "Gemfile.lock": (
        """\
GEM
  specs:
    face (0.1)
      rake (>= 1)
    rake (13)

DEPENDENCIES
  face
""",
        {
            "gem:face@0.1", "gem:rake@13"
        },
    ),
    "Dockerfile": (
        """\
FROM --platform=x docker.io/exadel/compreface-core:1.2.0 AS base
FROM base
RUN pip install --no-cache-dir -r r.txt \\
  'deepface==0.0.79' "insightface>=0.7" && \\
  npm i -g face-api.js@0.22.2 && apt-get update && apt-get install -y libdlib-dev=19.24 \\
  # c
  curl; git clone --depth 1 https://github.com/davisking/dlib.git
""",
        {
            "deb:curl@", "deb:libdlib-dev@19.24", "docker:exadel/compreface-core@1.2.0", "github:davisking/dlib@",
            "npm:face-api.js@0.22.2", "pypi:deepface@0.0.79", "pypi:insightface@"
        },
    ),
    "docker-compose.yml": (
        """\
services:
  face:
    image: "exadel/compreface-api:1.2.0"  # c
  x:
    image: ${REG}/y
""",
        {
            "docker:exadel/compreface-api@1.2.0"
        },
    ),
    ".github/workflows/ci.yml": (
        """\
steps:
  - uses: actions/checkout@v4
  - run: pip install face_recognition
""",
        {
            "github:actions/checkout@", "pypi:face-recognition@"
        },
    ),
    "install.sh": (
        """\
# pip install gone
sudo pip3 install dlib
uv add fer
""",
        {
            "pypi:dlib@", "pypi:fer@"
        },
    ),
}  # fmt: skip
