"""What ``--formats`` prints: each format of labels with its fields."""

from __future__ import annotations

FORMATS = """\
Labels are read as text; what they hold tells the format. Boxes are those of faces, in pixels of the picture as it is stored, from
0 at its upper left corner. Footage is looked for below the folder of the labels, or --media FOLDER, by the names in them.

CSV      a line of names, then one row a face
         file (or video, image)   clip or picture                                          needed
         x, y, w, h               left, top, width, height                                 needed
         frame                    from 0, in order of showing; 0 for a picture             clips
         track (or person)        the same for one person in all frames of a clip          people, longest exposure, flicker
         ignore (or invalid)      1 for a region nobody can tell
         image_w, image_h         size of the picture, to be checked
         illumination, pose, occlusion, blur     words, or WIDER's numbers
         skin, gender, age        as somebody perceived them; never estimated here

COCO     {"images": [{"id", "file_name", "width", "height", "video_id", "frame_index"}],
          "annotations": [{"id", "image_id", "category_id", "bbox": [x, y, w, h], "iscrowd", "track_id", "attributes": {...}}],
          "categories": [{"id", "name": "face"}], "videos": [{"id", "file_name", "fps"}]}
         An image is a picture, or with video_id and frame_index (from 0) a frame of a clip. Frames named frame_000012.png
         in clip.json belong to the clip of that name beside it. Attributes as the columns of CSV.

MOT      NAME.txt beside NAME.mp4, or NAME/gt/gt.txt with NAME/img1/000001.jpg and NAME/seqinfo.ini
         frame (from 1), id, x, y, w, h [, conf (0: not counted), class, visibility (0 to 1)]
         All boxes are taken for faces: MOTChallenge's own are of whole people.

WIDER    path of a picture
         number of faces
         x y w h [blur expression illumination invalid occlusion pose]     so many lines

A clip of which most rows lie more than one frame apart is judged in the annotated frames only; else a frame without rows is one
without faces.
"""


def formats_text() -> str:
    """Return the schema of each format, for people."""
    return FORMATS
