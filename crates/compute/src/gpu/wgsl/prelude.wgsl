// Number of this workgroup among all of the dispatch's work, however it was folded over three dimensions or cut.
fn group_index(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return params.first_group + group.x + groups.x * (group.y + groups.y * group.z);
}
